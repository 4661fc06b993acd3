"""``acme types``: what is listed, what is shown, and what a mistake is answered with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from acme.cli import main

DOCS = Path(__file__).parents[2] / "docs" / "connectors"

SOURCE = '''
from acme.sdk import Row, SourceConnector


class Tickets(SourceConnector):
    """The tickets of a help desk.

    More about them.
    """

    @classmethod
    def config_schema(cls):
        return {
            "url": {"type": "string", "required": True, "pattern": "^https?://|^file:"},
            "token": {"type": "string", "required": True, "secret": True},
            "states": {"type": "array", "default": []},
            "order": {"type": "string", "enum": ["up", "down"], "default": "up"},
            "retry": {"type": "object", "properties": {"times": {"type": "integer", "maximum": 9}}},
        }

    def extract(self, last_run=None):
        yield Row(id=1)
'''


def acme(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["types", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tickets.py").write_text(SOURCE)
    return tmp_path


def rows(output: str) -> dict[str, list[str]]:
    """The table's rows by their first cell; cells are at least two spaces apart."""
    cells = [re.split(r"\s{2,}", line.strip()) for line in output.splitlines()]
    return {first: rest for first, *rest in cells}


def test_types_are_listed_with_their_roles_where_they_come_from_and_what_they_are(folder):
    output = acme("--folder", folder).output
    assert rows(output)["duckdb"] == ["destination", "built in", "Tables in a DuckDB file."]
    assert rows(output)["tickets"] == [
        "source", str(folder / "tickets.py"), "The tickets of a help desk."
    ]  # fmt: skip
    assert [line.split()[1] for line in output.splitlines() if line.startswith("postgres")] == [
        "source", "destination",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "import nothing_of_that_name.part",
            "install the package that has the module 'nothing_of_that_name'",
        ),
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "there is no connector in it"),
    ],
)
def test_a_type_that_cannot_be_imported_is_listed_with_the_reason(folder, text, reason):
    (folder / "broken.py").write_text(text)
    ended = acme("--folder", folder)
    assert ended.exit_code == 0
    assert rows(ended.output)["broken"][0] == "?"
    assert reason in next(line for line in ended.output.splitlines() if line.startswith("broken"))
    assert "tickets" in rows(ended.output)


def test_a_missing_extra_is_named():
    code = (
        "import sys\n"
        "sys.modules['duckdb'] = None\n"
        "from acme.cli import main\n"
        "main(sys.argv[1:])"
    )  # fmt: skip
    for arguments in (["types"], ["types", "show", "duckdb"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == (0 if arguments == ["types"] else 1)
        assert "pip install 'acme-connectors[duckdb]'" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_the_folder_beside_is_taken_by_itself(folder, tmp_path_factory, monkeypatch):
    workspace = tmp_path_factory.mktemp("workspace")
    monkeypatch.chdir(workspace)
    assert "tickets" not in acme().output
    folder.rename(workspace / "connectors")
    assert rows(acme().output)["tickets"][1] == "connectors/tickets.py"
    assert acme("show", "tickets").exit_code == 0


def test_fields_are_shown_with_all_that_is_known_of_them(folder):
    shown = rows(acme("show", "tickets", "--folder", folder).output)
    assert shown["url"] == ["string", "required", "Must match ^https?://|^file:."]
    assert shown["token"] == ["string", "required, secret"]
    assert shown["states"] == ["array", "[]"]
    assert shown["order"] == ["string", "up", "One of up, down."]
    assert shown["retry.times"] == ["integer", "At most 9."]
    assert (
        acme("--folder", folder, "show", "tickets").output
        == acme("show", "tickets", "--folder", folder).output
    )


def test_a_table_fits_into_a_terminal_of_80_columns():
    pytest.importorskip("pty")
    import os
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from acme.cli import main; main()", "types", "show", "postgres"],
        stdout=theirs,
        env={**os.environ, "COLUMNS": "80", "TERM": "xterm"},
    )
    os.close(theirs)
    output = b""
    try:
        while part := os.read(ours, 65536):
            output += part
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", output.decode()).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("connect_timeout_s  integer") for line in lines)


def test_the_json_schema_is_that_of_the_configuration(folder):
    schema = json.loads(acme("show", "tickets", "--folder", folder, "--json-schema").output)
    assert schema["required"] == ["url", "token"]
    assert schema["properties"]["token"]["writeOnly"] is True
    assert schema["additionalProperties"] is False


def test_without_declared_fields_any_are_taken(tmp_path):
    (tmp_path / "free.py").write_text(
        "from acme.sdk import SourceConnector\n"
        "class Free(SourceConnector):\n"
        "    def extract(self, last_run=None):\n"
        "        yield from ()\n"
    )
    assert "takes any" in acme("show", "free", "--folder", tmp_path).output
    schema = json.loads(acme("show", "free", "--folder", tmp_path, "--json-schema").output)
    assert schema["additionalProperties"] is True


def test_fields_that_only_one_role_has_say_so():
    shown = rows(acme("show", "postgres").output)
    assert shown["table"][1] == "destination only"
    assert shown["host"][:1] == ["string"]
    source = acme("show", "postgres", "--role", "source").output
    assert "table " not in rows(source)
    assert "destination only" not in source


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["postgers"], "did you mean 'postgres'?"),
        (["duckdb", "--role", "source"], "it is a destination"),
        (["postgres", "--json-schema"], "choose one with --role"),
        (["duckdb", "--json-schema", "--markdown"], "exclude each other"),
    ],
)
def test_a_wrong_question_is_answered_with_exit_code_2(arguments, message):
    ended = acme("show", *arguments)
    assert ended.exit_code == 2
    assert message in ended.output


def test_a_schema_that_is_wrong_is_the_connectors_fault(folder):
    for number, schema in enumerate(('{"url": {"type": "str"}}', "1 / 0")):
        name = f"wrong{number}"
        (folder / f"{name}.py").write_text(
            re.sub(r"return \{.*?\n        \}", f"return {schema}", SOURCE, flags=re.S)
        )
        ended = acme("show", name, "--folder", folder)
        assert (ended.exit_code, "config_schema()" in ended.output) == (1, True)
        assert not isinstance(ended.exception, ZeroDivisionError)


@pytest.mark.parametrize("type_name", ["bigquery", "duckdb", "parquet", "postgres"])
def test_the_documentation_has_the_fields_as_they_are(type_name):
    table = acme("show", type_name, "--markdown").output.strip()
    assert table.count("\n") > 4
    assert table in (DOCS / f"{type_name}.md").read_text(), (
        f"docs/connectors/{type_name}.md is out of date: acme types show {type_name} --markdown"
    )


def test_markdown_keeps_a_pipe_out_of_the_tables_way(folder):
    table = acme("show", "tickets", "--folder", folder, "--markdown").output
    assert r"Must match `^https?://\|^file:`." in table
