"""``acme state`` on states where they really are: in Postgres, DuckDB, BigQuery and in files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from click.testing import CliRunner, Result
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from acme.cli import main
from tests.bigquery.emulator import Emulator
from tests.servers import DatabaseServer

SOURCE = """
from acme.sdk import Row, SourceConnector, Stream

class Counter(SourceConnector):
    def streams(self):
        return [Stream("orders", primary_key=("id",), cursor_field="id"), Stream("visits"), Stream("log")]

    def extract_stream(self, stream, position):
        if stream.name == "visits":
            yield Row({"n": 1})
        if stream.name == "log":
            rows = ((n // 4, n) for n in range(10))
            yield from (Row({"at": at, "id": n}) for at, n in rows if (at, n) >= (position.cursor or ()))
            return
        yield from (Row({"id": n}) for n in range(position.cursor or 0, 10) if stream.name == "orders")
"""
PRINTER = """
from acme.sdk import DestinationConnector

class Printer(DestinationConnector):
    def load(self, rows, write_mode):
        return len(rows)
"""


@dataclass
class Workspace:
    """A workspace whose pipeline ``shop`` ends in some destination."""

    path: Path

    def acme(self, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, [*arguments, "--file", str(self.path)], input=stdin)

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        result = self.acme(*arguments, stdin=stdin)
        assert (result.exit_code, result.exception) == (0, None), result.output
        return result.output

    def fails(self, code: str, *arguments: str, stdin: str | None = None) -> str:
        result = self.acme(*arguments, stdin=stdin)
        assert result.exit_code == 1
        assert f"[{code}]" in result.output, result.output
        return result.output

    def states(self) -> dict[str, Any]:
        streams: dict[str, Any] = json.loads(self.run("state", "show", "shop", "--json"))["streams"]
        return streams

    def read_by_a_sync(self) -> int:
        """Return how many orders a sync reads."""
        lines = self.run("sync", "shop", "--stream", "orders").splitlines()
        return int(lines[1].split()[2])


def workspace(folder: Path, kind: str, config: dict[str, Any]) -> Workspace:
    (folder / "connectors").mkdir()
    (folder / "connectors" / "counter.py").write_text(SOURCE)
    (folder / "connectors" / "printer.py").write_text(PRINTER)
    streams = [
        {"stream": "orders", "table": "orders", "write_mode": "upsert"},
        {"stream": "visits", "table": "visits", "write_mode": "append"},
    ]
    log = {"stream": "log", "table": "log", "write_mode": "append", "cursor": ["at", "id"]}
    document = {
        "connectors": {
            "counter": {"type": "counter", "role": "source"},
            "target": {"type": kind, "role": "destination", "config": config},
        },
        "pipelines": {
            "shop": {"source": "counter", "destination": "target", "streams": streams},
            "log": {"source": "counter", "destination": "target", "streams": [log]},
        },
    }
    path = folder / "connectors.yaml"
    path.write_text(yaml.safe_dump(document))
    return Workspace(path)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    emulator = Emulator()
    yield emulator
    emulator.stop()


@pytest.fixture(params=["postgres", "duckdb", "bigquery", "printer"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace for each kind of destination."""
    config: dict[str, Callable[[], dict[str, Any]]] = {
        "postgres": lambda: _postgres(request, monkeypatch),
        "duckdb": lambda: {"path": str(tmp_path / "shop.duckdb")},
        "bigquery": lambda: _bigquery(request),
        "printer": dict,
    }
    return workspace(tmp_path, request.param, config[request.param]())


def _postgres(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    server: DatabaseServer = request.getfixturevalue("postgres")
    monkeypatch.setenv("STATE_TEST_DATABASE", server.connection_string(server.create_database()))
    return {"connection": {"env": "STATE_TEST_DATABASE"}}


def _bigquery(request: pytest.FixtureRequest) -> dict[str, Any]:
    endpoint = request.getfixturevalue("emulator").endpoint
    dataset = f"state_{uuid4().hex[:12]}"
    client = bigquery.Client(
        project="acme-test",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": endpoint},
    )
    client.create_dataset(dataset)
    client.close()
    return {"project": "acme-test", "dataset": dataset, "api_endpoint": endpoint}


def test_a_state_is_shown_moved_exported_forgotten_and_put_back(shop: Workspace) -> None:
    assert shop.run("state", "show", "shop").split("\n")[1].split() == ["orders", "never"]
    shop.run("sync", "shop")
    header, orders, visits = shop.run("state", "show", "shop").splitlines()
    assert header.split()[:3] == ["Stream", "Last", "run"]
    assert "id = 9" in orders
    assert visits.startswith("visits")
    exported = shop.run("state", "export", "shop")
    assert json.loads(exported)["version"] == 1
    assert json.loads(exported)["streams"] == shop.states()

    said = shop.run("state", "set", "shop", "--stream", "orders", "--cursor", "4")
    assert said == "orders: the next sync begins at id = 4\n"
    assert shop.read_by_a_sync() == 6

    assert "orders: forgotten" in shop.run("state", "reset", "shop", "--stream", "orders")
    assert list(shop.states()) == ["visits"]
    assert shop.read_by_a_sync() == 10

    assert "visits: that sync appends" in shop.run("state", "reset", "shop")
    assert shop.states() == {}
    shop.run("state", "set", "shop", "-", stdin=exported)
    before, now = json.loads(exported)["streams"], shop.states()
    assert {name: state | {"run_id": ""} for name, state in now.items()} == {
        name: state | {"run_id": ""} for name, state in before.items()
    }
    assert shop.read_by_a_sync() == 1


def test_a_cursor_of_several_columns_is_shown_moved_and_put_back(
    shop: Workspace, request: pytest.FixtureRequest
) -> None:
    def counts() -> list[str]:
        return shop.run("sync", "log").splitlines()[1].split()[2:4]

    transactions = "printer" not in request.node.callspec.id
    assert counts() == ["10", "10"]
    assert 'at, id = ["2", "9"]' in shop.run("state", "show", "log")
    exported = shop.run("state", "export", "log")
    assert json.loads(exported)["streams"]["log"]["cursor_field"] == ["at", "id"]
    for value, cursor, read in (("1", '["1"]', "6"), ('["1", 6]', '["1", "6"]', "4")):
        said = shop.run("state", "set", "log", "--cursor", value)
        assert said == f"log: the next sync begins at at, id = {cursor}\n"
        assert counts() == [read, "0" if transactions else read]
    shop.run("state", "reset", "log")
    shop.run("state", "set", "log", "-", stdin=exported)
    assert counts() == ["1", "0" if transactions else "1"]
    shop.fails("cursor.invalid", "state", "set", "log", "--cursor", '["1", "soon"]')


def test_one_stream_of_a_file_can_be_put_back(shop: Workspace) -> None:
    shop.run("sync", "shop")
    exported = shop.run("state", "export", "shop")
    shop.run("state", "reset", "shop")
    shop.run("state", "set", "shop", "-", "--stream", "orders", stdin=exported)
    assert list(shop.states()) == ["orders"]


def test_a_cursor_must_be_a_value_of_its_type(shop: Workspace) -> None:
    shop.fails("cursor.unknown", "state", "set", "shop", "--stream", "orders", "--cursor", "4")
    shop.run("sync", "shop")
    before = shop.states()
    failed = shop.fails("cursor.invalid", "state", "set", "shop", "--stream", "orders", "--cursor", "soon")
    assert "'soon' is no value of its type int64" in failed
    shop.fails("cursor.unused", "state", "set", "shop", "--stream", "visits", "--cursor", "4")
    assert shop.states() == before


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no json", "state.invalid"),
        ('{"version": 2, "pipeline": "shop", "streams": {}}', "state.invalid"),
        ('{"version": 1, "pipeline": "shop", "streams": {"orders": {"cursor": "1"}}}', "state.invalid"),
        ('{"version": 1, "pipeline": "shop", "streams": {"others": %s}}', "stream.unknown"),
    ],
)
def test_a_file_of_something_else_changes_nothing(tmp_path: Path, text: str, code: str) -> None:
    shop = workspace(tmp_path, "duckdb", {"path": str(tmp_path / "shop.duckdb")})
    shop.run("sync", "shop")
    before = shop.states()
    if "%s" in text:
        text %= json.dumps(before["orders"])
    shop.fails(code, "state", "set", "shop", "-", stdin=text)
    assert shop.states() == before


def test_what_was_gathered_for_a_refresh_is_not_gone_on_with(tmp_path: Path) -> None:
    shop = workspace(tmp_path, "duckdb", {"path": str(tmp_path / "shop.duckdb")})
    shop.run("sync", "shop")
    document = json.loads(shop.run("state", "export", "shop"))
    progress = {
        "version": 1, "started_at": "2026-01-31T12:00:00+00:00", "table": "orders", "write_mode": "overwrite",
        "cursor_field": "id", "refresh": "gone", "cursor": "5", "schema": None, "parts": {},
    }  # fmt: skip
    document["streams"]["orders"]["progress"] = progress
    shop.run("state", "set", "shop", "-", stdin=json.dumps(document))
    assert shop.states()["orders"]["progress"] is None


def test_a_range_is_read_again_without_moving_the_state(shop: Workspace) -> None:
    shop.run("sync", "shop")
    before = shop.states()["orders"]
    _, line = shop.run("sync", "shop", "--stream", "orders", "--from", "2", "--to", "4").splitlines()
    assert line.split() == ["orders", "orders", "3", "3", *line.split()[4:6], "id", "=", "9"]
    assert shop.states()["orders"] | {"run_id": ""} == before | {"run_id": ""}
    shop.fails("backfill.write_mode", "sync", "shop", "--stream", "visits", "--from", "2", "--to", "4")
    shop.fails("cursor.invalid", "sync", "shop", "--stream", "orders", "--from", "soon", "--to", "4")
    shop.fails("stream.ambiguous", "sync", "shop", "--from", "2", "--to", "4")
    shop.fails("stream.ambiguous", "state", "set", "shop", "--cursor", "4")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "2"], "--from and --to go together"),
        (["--from", "2", "--to", "4", "--full-refresh"], "leave --from and --to out"),
    ],
)
def test_options_that_do_not_go_together(tmp_path: Path, arguments: list[str], words: str) -> None:
    shop = workspace(tmp_path, "duckdb", {"path": str(tmp_path / "shop.duckdb")})
    result = shop.acme("sync", "shop", *arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_what_streams_and_pipelines_that_are_gone_have_left_is_forgotten(shop: Workspace) -> None:
    shop.run("sync", "shop")
    shop.run("sync", "log")
    whole = yaml.safe_load(shop.path.read_text())
    del whole["pipelines"]["shop"]["streams"][1]
    del whole["pipelines"]["log"]
    shop.path.write_text(yaml.safe_dump(whole))
    shown = shop.run("state", "show", "shop")
    assert "visits (not in the pipeline any more)" in shown
    assert shop.states().keys() == {"orders"}

    assert "visits: not in shop any more; forgotten" in shop.run(
        "state", "reset", "shop", "--stream", "visits"
    )
    assert "visits" not in shop.run("state", "show", "shop")
    assert shop.states().keys() == {"orders"}

    refused = shop.acme("state", "reset", "--destination", "target", stdin="n\n")
    assert refused.exit_code == 1
    assert "Forget them?" in refused.output
    forgotten = shop.run("state", "reset", "--destination", "target", stdin="y\n")
    assert "log: not in log any more; forgotten" in forgotten
    assert "orders" not in forgotten
    assert "nothing is left" in shop.run("state", "reset", "--destination", "target", "--yes")
    assert shop.states().keys() == {"orders"}
    assert "[connector.unknown]" in shop.acme("state", "reset", "--destination", "counter").output
