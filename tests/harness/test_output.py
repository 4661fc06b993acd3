"""What a run leaves behind: its reports, its rows, its seed and its exit code."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest

from tests.harness.api import KEY
from tests.harness.conftest import BROKEN, harness

MY_SOURCE = Path(__file__).parents[1] / "connectors" / "my_source.py"
# Its key is in whatever it says: its repr(), its rows, its errors.
LEAKY = (
    "from acme.sdk import Row, SourceConnector\n"
    "class Leaky(SourceConnector):\n"
    "    @classmethod\n"
    "    def config_schema(cls):\n"
    "        return {'api_url': {'type': 'string'}, 'api_key': {'type': 'string', 'secret': True}}\n"
    "    def setup(self, config):\n"
    "        self.key = config['api_key']\n"
    "    def __repr__(self):\n"
    "        return f'Leaky({self.key})'\n"
    "    def extract(self, last_run=None):\n"
    "        yield Row({'id': 1, 'url': f'https://example.com/?key={self.key}'})\n"
    "        if last_run:\n"
    "            raise ValueError(f'not with {self.key}')\n"
)


@pytest.fixture
def leaky(tmp_path):
    file = tmp_path / "leaky.py"
    file.write_text(LEAKY)
    return file


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The user's folder for what may be thrown away."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def test_junit_has_one_case_for_each_check(tmp_path, source_config):
    file = tmp_path / "junit.xml"
    ended = harness(
        BROKEN / "crashes_on_none.py", source_config, "--json", "--only", "extraction", "--junit", str(file)
    )
    (suite,) = ElementTree.parse(file).getroot().iter("testsuite")
    assert suite.get("name") == "CrashesOnNone source"
    told = {
        case.get("name"): next((child.tag for child in case), "passed") for case in suite.iter("testcase")
    }
    words = {"failed": "failure", "skipped": "skipped", "passed": "passed"}
    assert told == {check: words[outcome] for check, outcome in ended.outcomes.items()}
    assert len(list(suite.iter("testcase"))) == int(suite.get("tests")) == len(told)
    assert int(suite.get("failures")) == len(ended.failed) == 1
    (failure,) = suite.iter("failure")
    assert "'NoneType' object has no attribute 'lower'" in failure.get("message")
    assert re.search(r"crashes_on_none\.py:\d+ in extract", failure.text)


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_nothing_that_is_written_holds_a_secret_that_the_connector_tells(
    tmp_path, cache, leaky, source_config, arguments
):
    file = tmp_path / "junit.xml"
    ended = harness(leaky, source_config, *arguments, "--junit", str(file))
    assert ended.exit_code == 1
    for check in ("secrets.repr", "secrets.rows", "extraction.last_run"):
        assert check in ended.output
    assert KEY not in ended.output + ended.errors + file.read_text()
    written = [path for path in cache.rglob("*") if path.is_file()]
    assert written
    for path in written:
        assert KEY not in str(path)
        assert KEY.encode() not in path.read_bytes()


def test_the_rows_can_be_looked_into_by_the_command_that_is_printed(cache, source_config):
    ended = harness(MY_SOURCE, source_config, "--only", "extraction")
    (line,) = (line for line in ended.output.splitlines() if line.startswith("look into the rows: "))
    command = shlex.split(line.removeprefix("look into the rows: "))
    file = cache / "acme" / "rows" / "my_source.duckdb"
    assert str(file) in command[-1]
    with duckdb.connect(str(file), read_only=True) as database:
        assert database.sql("SELECT count(*), min(id), max(id) FROM my_source").fetchone() == (250, 1, 250)
    if command[0] == "python":
        shown = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, check=True)
        assert "user1@example.com" in shown.stdout
    assert file.stat().st_mode & 0o077 == 0


def test_the_next_run_replaces_the_rows(cache, api, source_config):
    for rows in (250, 120):
        del api.records[rows:]
        ended = harness(MY_SOURCE, source_config, "--json", "--only", "extraction")
        with duckdb.connect(ended.report["rows_file"], read_only=True) as database:
            assert database.sql("SELECT count(*) FROM my_source").fetchone() == (rows,)


def test_a_seed_repeats_what_chance_decided(tmp_path):
    """Rows are broken off at places that the source writes down."""
    file, log = tmp_path / "logs_its_stops.py", tmp_path / "stops"
    file.write_text(
        "from acme.sdk import Checkpoint, Row, SourceConnector\n"
        "class LogsItsStops(SourceConnector):\n"
        "    def extract_stream(self, stream, position):\n"
        "        first = position.checkpoint['next'] if position.checkpoint else 0\n"
        "        for number in range(first, 1000):\n"
        "            try:\n"
        "                yield Row({'id': number})\n"
        "            except GeneratorExit:\n"
        f"                with open({str(log)!r}, 'a') as file:\n"
        "                    file.write(f'{number} ')\n"
        "                raise\n"
        "            if number % 10 == 9:\n"
        "                yield Checkpoint({'next': number + 1})\n"
    )

    def stops(seed: str) -> str:
        log.unlink(missing_ok=True)
        ended = harness(file, {}, "--only", "resume", "--seed", seed)
        assert (ended.exit_code, f"seed {seed}" in ended.output) == (0, True)
        return log.read_text()

    first = stops("4711")
    assert len(first.split()) >= 2
    assert stops("4711") == first
    assert stops("4712") != first


def test_a_seed_that_chance_chose_is_shown(source_config):
    people = harness(MY_SOURCE, source_config, "--only", "config.schema")
    assert re.search(r"seed \d+$", people.output.strip())
    ended = harness(MY_SOURCE, source_config, "--only", "config.schema", "--json")
    assert isinstance(ended.report["seed"], int)


@pytest.mark.parametrize(
    ("only", "exit_code"),
    [(["config"], 0), (["extraction.rows"], 1), (["config", "extraction.rows"], 1), (["streams"], 0)],
)
def test_the_exit_code_is_about_the_checks_that_were_asked_for(source_config, only, exit_code):
    chosen = [argument for check in only for argument in ("--only", check)]
    ended = harness(BROKEN / "yields_whole_pages.py", source_config, "--json", *chosen)
    assert (ended.exit_code, ended.report["exit_code"]) == (exit_code, exit_code)
    assert {check.split(".")[0] for check in ended.outcomes} == {check.split(".")[0] for check in only}
