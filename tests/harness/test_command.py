"""The command as a user meets it: what it says, how it ends, what it never shows."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.harness.api import KEY
from tests.harness.conftest import ACME, BROKEN, harness

CONNECTORS = Path(__file__).parents[1] / "connectors"


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, nor can as long as this has it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def wait_for(file: Path) -> None:
    until = time.monotonic() + 120
    while not file.exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_the_specifications_source_passes(source_config):
    ended = harness(CONNECTORS / "my_source.py", source_config, "--json")
    assert (ended.exit_code, set(ended.outcomes.values())) == (0, {"passed", "skipped"})
    skipped = {check for check, outcome in ended.outcomes.items() if outcome == "skipped"}
    assert {check.split(".")[0] for check in skipped} <= {"incremental", "resume", "streams", "memory"}
    assert ended.report["rows"] == 250
    assert {"http.rate_limit", "extraction.rows", "secrets.output"} <= set(ended.outcomes)


def test_the_specifications_destination_passes_and_has_written_the_rows(api, destination_config):
    ended = harness(CONNECTORS / "my_destination.py", destination_config, "--json")
    assert (ended.exit_code, ended.failed) == (0, set())
    assert {"append", "overwrite", "upsert"} == {mode for mode, _ in api.loaded}
    assert {"id": 2, "name": "Grüße, 世界, עולם, 🦉"} in [row for _, rows in api.loaded for row in rows]
    skipped = {check for check, outcome in ended.outcomes.items() if outcome == "skipped"}
    assert {check.split(".")[0] for check in skipped} == {"config", "destination", "health", "secrets"}
    assert {check for check in skipped if check.startswith("destination.")} == {
        "destination.upsert",
        "destination.overwrite",
        "destination.exclusive",
        "destination.state",
    }


def test_people_read_what_is_wrong_where_and_what_to_do(source_config):
    ended = harness(BROKEN / "crashes_on_none.py", source_config, "--only", "extraction")
    assert ended.exit_code == 1
    for words in (
        "CrashesOnNone  source",
        "✗ extraction.ends",
        "raised AttributeError: 'NoneType' object has no attribute 'lower'",
        "crashes_on_none.py:33 in extract",
        'yield Row({**item, "email": item["email"].lower()})',
        "hint: ",
        "– extraction.rows         skipped: extraction.ends failed",  # noqa: RUF001
        "the connector is at fault",
        "1 failed · 7 skipped",
    ):
        assert words in ended.output
    assert "acme_sdk" not in ended.output


def test_the_summary_has_rows_and_rate(source_config):
    ended = harness(CONNECTORS / "my_source.py", source_config, "--only", "extraction.ends")
    assert "all checks passed  1 passed · 250 rows at " in ended.output


def test_an_unreachable_target_is_not_the_connectors_fault(closed_port):
    config = {"api_url": f"http://127.0.0.1:{closed_port}", "api_key": KEY}
    ended = harness(CONNECTORS / "my_source.py", config, "--json", "--skip", "config.required")
    assert (ended.exit_code, ended.failed) == (3, set())
    unreachable = [check for check in ended.report["checks"] if check["outcome"] == "unreachable"]
    assert [check["id"] for check in unreachable] == ["health.answer"]
    assert "connection refused" in unreachable[0]["message"]


def test_an_unknown_host_is_unreachable():
    config = {"api_url": "http://no-such-host.invalid", "api_key": KEY}
    ended = harness(CONNECTORS / "my_source.py", config, "--json", "--only", "extraction")
    assert (ended.exit_code, ended.failed) == (3, set())


def test_a_connector_that_hides_the_refused_connection_is_not_blamed_either(tmp_path, closed_port):
    file = tmp_path / "discreet.py"
    file.write_text(
        "import socket\n"
        "from acme.sdk import Row, SourceConnector\n"
        "class Discreet(SourceConnector):\n"
        "    def setup(self, config):\n"
        "        self.port = config['port']\n"
        "    def health_check(self):\n"
        "        try:\n"
        "            socket.create_connection(('127.0.0.1', self.port)).close()\n"
        "        except OSError:\n"
        "            return False\n"
        "        return True\n"
        "    def extract(self, last_run=None):\n"
        "        yield Row({'id': 1})\n"
    )
    assert harness(file, {"port": closed_port}, "--json").exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no_such_file.py", "--config", "{}"], "does not exist"),
        ([str(CONNECTORS / "my_source.py")], "Missing option '--config'"),
        ([str(CONNECTORS / "my_source.py"), "--config", "{'api_url': 1}"], "it is not JSON"),
        ([str(CONNECTORS / "my_source.py"), "--config", "[1]"], "it must be a JSON object"),
        ([str(CONNECTORS / "my_source.py"), "--config", "@no_such_file"], "no_such_file cannot be read"),
        ([str(CONNECTORS / "my_source.py"), "--config", "{}", "--only", "htp"], "did you mean 'http'?"),
        ([str(CONNECTORS / "my_source.py"), "--config", "{}"], "api_url: is required"),
        (
            [str(CONNECTORS / "my_source.py"), "--config", "{}", "--role", "destination"],
            "there is no destination",
        ),
        ([__file__, "--config", "{}"], "there is no connector in it"),
    ],
)
def test_bad_usage_is_said_plainly(arguments, words):
    done = subprocess.run([*ACME, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert words in " ".join((done.stdout + done.stderr).split())


def test_a_file_that_cannot_be_imported_is_the_connectors_fault(tmp_path):
    file = tmp_path / "half.py"
    file.write_text("from acme.sdk import SourceConnector\nraise ValueError('half done')\n")
    ended = harness(file, {})
    assert ended.exit_code == 1
    assert "ValueError: half done" in ended.output
    assert "half.py:2 in <module>" in ended.output


def test_a_configuration_that_the_connector_itself_refuses_is_the_users_to_correct(tmp_path):
    file = tmp_path / "picky.py"
    file.write_text(
        "from acme.sdk import ConfigurationError, Row, SourceConnector\n"
        "class Picky(SourceConnector):\n"
        "    def setup(self, config):\n"
        "        raise ConfigurationError('region: there is no such region')\n"
        "    def extract(self, last_run=None):\n"
        "        yield Row({})\n"
    )
    ended = harness(file, {"region": "atlantis"})
    assert ended.exit_code == 2
    assert "there is no such region" in ended.output


def test_configuration_comes_from_a_file_and_secrets_from_references(tmp_path, api, monkeypatch):
    monkeypatch.setenv("TEST_API_KEY", KEY)
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"api_url": api.url, "api_key": {"env": "TEST_API_KEY"}}))
    done = subprocess.run(
        [*ACME, str(CONNECTORS / "my_source.py"), "--config", f"@{file}", "--only", "extraction"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_no_secret_is_shown_even_when_the_author_puts_it_into_an_error(tmp_path, source_config, arguments):
    file = tmp_path / "leaky.py"
    file.write_text(
        "import sys\n"
        "from acme.sdk import Row, SourceConnector\n"
        "class Leaky(SourceConnector):\n"
        "    @classmethod\n"
        "    def config_schema(cls):\n"
        "        return {'api_url': {'type': 'string'}, 'api_key': {'type': 'string'}}\n"
        "    def setup(self, config):\n"
        "        self.key = config['api_key']\n"
        "        print('the key is', self.key)\n"
        "        print('the key is', self.key, file=sys.stderr)\n"
        f"        assert self.key != {KEY!r}, f'unexpected {{self.key}}'  # {KEY}\n"
        "    def extract(self, last_run=None):\n"
        "        yield Row({})\n"
    )
    ended = harness(file, source_config, *arguments)
    assert ended.exit_code == 1
    assert KEY not in ended.output + ended.errors
    assert "unexpected ********" in ended.output


def test_checks_are_listed_and_chosen(source_config):
    listed = subprocess.run([*ACME, "--list"], capture_output=True, text=True, check=False)
    assert listed.returncode == 0
    ids = [line.split()[0] for line in listed.stdout.splitlines()]
    assert len(ids) == len(set(ids))
    ended = harness(
        CONNECTORS / "my_source.py", source_config, "--json", "--only", "config", "--skip", "config.type"
    )
    wanted = {check for check in ids if check.startswith("config.")} - {"config.type"}
    assert set(ended.outcomes) == wanted


def test_an_interrupt_tears_the_connector_down_and_leaves_no_process(tmp_path):
    torn_down, started = tmp_path / "torn_down", tmp_path / "started"
    file = tmp_path / "slow.py"
    file.write_text(
        "import time\n"
        "from pathlib import Path\n"
        "from acme.sdk import Row, SourceConnector\n"
        "class Slow(SourceConnector):\n"
        "    def extract(self, last_run=None):\n"
        f"        Path({str(started)!r}).touch()\n"
        "        time.sleep(600)\n"
        "        yield Row({})\n"
        "    def teardown(self):\n"
        f"        Path({str(torn_down)!r}).touch()\n"
    )
    command = [*ACME, str(file), "--config", "{}", "--only", "extraction"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    wait_for(started)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert (process.returncode, torn_down.exists()) == (130, True)
    assert "interrupted" in output
    assert children
    assert not psutil.wait_procs(children, timeout=60)[1]


def test_the_worker_ends_when_the_command_is_killed(tmp_path):
    started = tmp_path / "started"
    file = tmp_path / "slow.py"
    file.write_text(
        "import subprocess, sys\n"
        "from pathlib import Path\n"
        "from acme.sdk import Row, SourceConnector\n"
        "class Slow(SourceConnector):\n"
        "    def extract(self, last_run=None):\n"
        "        child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"        Path({str(started)!r}).touch()\n"
        "        child.wait()\n"
        "        yield Row({})\n"
    )
    process = subprocess.Popen(
        [*ACME, str(file), "--config", "{}", "--only", "extraction"], stdout=subprocess.DEVNULL
    )
    wait_for(started)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert len(children) == 2
    assert not psutil.wait_procs(children, timeout=60)[1]


def test_a_process_that_is_slow_to_end_is_not_taken_for_one_that_hangs(tmp_path):
    file = tmp_path / "ending.py"
    file.write_text(
        "import os, time\n"
        "from acme.sdk import SourceConnector\n"
        "class Ending(SourceConnector):\n"
        "    def extract(self, last_run=None):\n"
        "        os.closerange(3, 100)\n"
        "        time.sleep(1)  # as on a busy machine\n"
        "        os._exit(7)\n"
    )
    [check] = harness(file, {}, "--json", "--only", "extraction.ends").report["checks"]
    assert check["message"] == "the connector ended the whole process, with exit code 7"


def test_no_more_is_imported_than_is_needed():
    code = (
        "import sys, acme_sdk.testing.worker, acme.cli.test_connector\n"
        "heavy = {'dagster', 'flask', 'pyarrow'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([ACME[0], "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
