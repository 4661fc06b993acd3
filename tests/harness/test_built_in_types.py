"""The built-in connector types pass the harness, against real databases."""

from __future__ import annotations

from pathlib import Path

import pytest

import acme_sdk.connectors
from tests.harness.conftest import harness
from tests.servers import DatabaseServer

MISTAKES = {
    "destination.stored": "rows = [Row({**row, 'name': row.get('name') or None}) for row in rows]",
    "destination.upsert": "if write_mode is WriteMode.UPSERT: write_mode = WriteMode.APPEND",
    "destination.overwrite": "if write_mode is WriteMode.OVERWRITE: write_mode = WriteMode.APPEND",
}
READ_BACK = tuple(MISTAKES)
STREAMS = ("destination.exclusive", "destination.state")
TYPES = Path(acme_sdk.connectors.__file__).parent


@pytest.fixture(scope="module")
def database(postgres: DatabaseServer) -> str:
    name = postgres.create_database()
    postgres.execute(
        name,
        "CREATE TABLE people (id int PRIMARY KEY, name text, born date, score numeric(10, 2), tags jsonb)",
        "INSERT INTO people SELECT i, 'name ' || i, date '2000-01-01' + i, i / 4.0, '[1, null]' "
        "FROM generate_series(1, 5000) i",
    )
    return postgres.connection_string(name)


def test_postgres_as_a_source(database):
    ended = harness(TYPES / "postgres/__init__.py", {"connection": database}, "--json", "--role", "source")
    assert (ended.exit_code, ended.failed) == (0, set())
    assert ended.report["rows"] == 5000
    assert ended.outcomes["secrets.output"] == "passed"


@pytest.mark.parametrize("primary_key", [["id"], []])
def test_postgres_as_a_destination(database, primary_key):
    config = {"connection": database, "table": f"harness_{len(primary_key)}", "primary_key": primary_key}
    ended = harness(TYPES / "postgres/__init__.py", config, "--json", "--role", "destination")
    assert (ended.exit_code, ended.failed) == (0, set())
    assert ended.outcomes["destination.values"] == "passed"
    assert ended.outcomes["destination.modes"] == ("passed" if primary_key else "skipped")
    assert ended.outcomes["destination.upsert"] == ("passed" if primary_key else "skipped")
    for check in ("destination.stored", "destination.overwrite", *STREAMS):
        assert ended.outcomes[check] == "passed"


def test_a_postgres_that_is_not_there():
    config = {"connection": "postgresql://user:not-for-your-eyes@127.0.0.1:1/db"}
    ended = harness(TYPES / "postgres/__init__.py", config, "--json", "--role", "source")
    assert (ended.exit_code, ended.failed) == (3, set())
    assert "not-for-your-eyes" not in ended.output


def test_duckdb_as_a_destination(tmp_path):
    config = {"path": str(tmp_path / "harness.duckdb"), "table": "harness", "primary_key": ["id"]}
    ended = harness(TYPES / "duckdb/__init__.py", config, "--json")
    assert (ended.exit_code, ended.failed) == (0, set())
    assert {ended.outcomes[check] for check in ("destination.modes", *READ_BACK, *STREAMS)} == {"passed"}


def test_parquet_as_a_destination(tmp_path):
    config = {"path": str(tmp_path / "lake"), "table": "harness"}
    ended = harness(TYPES / "parquet/__init__.py", config, "--json")
    assert (ended.exit_code, ended.failed) == (0, set())
    assert ended.outcomes["destination.upsert"] == "skipped"
    passed = ("destination.modes", "destination.values", "destination.stored", "destination.overwrite")
    for check in (*passed, *STREAMS):
        assert ended.outcomes[check] == "passed"


@pytest.mark.parametrize("check", READ_BACK)
def test_a_destination_that_writes_something_else_is_found_out_by_reading_back(tmp_path, check):
    file = tmp_path / "broken.py"
    file.write_text(
        "from acme.sdk import Row, WriteMode\n"
        "from acme_sdk.connectors.duckdb import DuckDBDestination\n"
        "class Broken(DuckDBDestination):\n"
        "    def load(self, rows, write_mode):\n"
        f"        {MISTAKES[check]}\n"
        "        return super().load(rows, write_mode)\n"
    )
    config = {"path": str(tmp_path / "harness.duckdb"), "table": "harness", "primary_key": ["id"]}
    ended = harness(file, config, "--json")
    assert (ended.exit_code, ended.failed) == (1, {check})


def test_duckdb_without_a_table_is_the_users_to_correct(tmp_path):
    ended = harness(TYPES / "duckdb/__init__.py", {"path": str(tmp_path / "harness.duckdb")}, "--json")
    assert (ended.exit_code, ended.failed) == (2, set())
