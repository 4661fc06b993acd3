"""``acme sync`` as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

WORKSPACE = """
connectors:
  shop: {type: shop, role: source, config: {token: {env: SHOP_TOKEN}}}
  warehouse: {type: duckdb, role: destination, config: {path: warehouse.duckdb}}
  printer: {type: printer, role: destination}
pipelines:
  orders:
    source: shop
    destination: warehouse
    streams: [{stream: shop_source, table: orders, write_mode: append}]
  strict: {source: shop, destination: warehouse, streams: [{stream: shop_source, table: strict}]}
  lenient:
    source: shop
    destination: warehouse
    max_rejected: 0.5
    on_schema_change: freeze
    streams: [{stream: shop_source, table: lenient}]
  printed: {source: shop, destination: printer}
  named:
    source: shop
    destination: warehouse
    streams: [{stream: shop_source, table: named, columns: {again: came again}}]
"""
SOURCE = """
from acme.sdk import Row, SourceConnector

class ShopSource(SourceConnector):
    @classmethod
    def config_schema(cls):
        return {"token": {"type": "string", "required": True, "secret": True}}

    def setup(self, config):
        self.token = config["token"]

    def extract(self, last_run=None):
        yield Row({"id": 1, "again": last_run is not None})
        if self.token.startswith("odd"):
            self.reject({"id": "?", "token": self.token}, "the id is no number")
        if self.token.startswith("bad"):
            raise PermissionError(f"refused: {self.token}")
"""
PRINTER = """
from acme.sdk import DestinationConnector

class Printer(DestinationConnector):
    def load(self, rows, write_mode):
        return len(rows)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "connectors.yaml").write_text(WORKSPACE)
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "shop.py").write_text(SOURCE)
    (tmp_path / "connectors" / "printer.py").write_text(PRINTER)
    return tmp_path


def acme_sync(
    workspace: Path, *arguments: str, token: str | None = "good-token"
) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != "SHOP_TOKEN"} | {"COLUMNS": "200"}
    command = [sys.executable, "-c", "from acme.cli import main; main()", "sync", *arguments]
    env |= {"SHOP_TOKEN": token} if token else {}
    return subprocess.run(command, cwd=workspace, env=env, capture_output=True, text=True, timeout=280)


def stored(workspace: Path) -> list[tuple[int, bool]]:
    with duckdb.connect(str(workspace / "warehouse.duckdb")) as connection:
        return connection.execute("FROM orders ORDER BY ALL").fetchall()


def test_a_pipeline_runs_and_goes_on_where_it_was(workspace: Path) -> None:
    first = acme_sync(workspace, "orders")
    assert (first.returncode, first.stderr) == (0, "")
    header, line = first.stdout.splitlines()
    assert header.split()[:4] == ["Stream", "Table", "Read", "Loaded"]
    assert line.split()[:4] == ["shop_source", "orders", "1", "1"]
    assert acme_sync(workspace, "orders", "--stream", "shop_source").returncode == 0
    assert stored(workspace) == [(1, False), (1, True)]
    assert acme_sync(workspace, "orders", "--full-refresh").returncode == 0
    assert stored(workspace) == [(1, False)]


def test_a_destination_without_transactions_has_its_checkpoint_beside_the_file(workspace: Path) -> None:
    assert acme_sync(workspace, "printed").returncode == 0
    assert [path.name for path in (workspace / ".acme" / "state").iterdir()] == ["printed@shop_source.json"]


def test_other_names_of_columns_are_shown(workspace: Path) -> None:
    named = acme_sync(workspace, "named")
    assert "shop_source: column 'again' is 'came again' in the target" in named.stdout
    with duckdb.connect(str(workspace / "warehouse.duckdb")) as connection:
        assert [name for name, *_ in connection.execute("DESCRIBE named").fetchall()] == ["id", "came again"]


def test_an_error_is_one_message_without_secrets(workspace: Path) -> None:
    failed = acme_sync(workspace, "orders", token="bad-token-4711")
    assert failed.returncode == 1
    assert "error: stream 'shop_source', batch 1: PermissionError: refused: ********" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "4711" not in failed.stderr + failed.stdout


def test_rejected_records_are_shown_and_kept_without_secrets(workspace: Path) -> None:
    lenient = acme_sync(workspace, "lenient", token="odd-token-4711")
    assert (lenient.returncode, lenient.stderr) == (0, "")
    [path] = (workspace / ".acme" / "rejected" / "lenient" / "shop_source").iterdir()
    assert f"shop_source: 1 record put aside in {path}" in lenient.stdout
    letter = json.loads(path.read_text())
    assert (letter["reason"], letter["row"]) == ("the id is no number", {"id": "?", "token": "********"})

    strict = acme_sync(workspace, "strict", token="odd-token-4711")
    assert strict.returncode == 1
    assert "max_rejected allows 0; the last one: the id is no number [rejected.too_many]" in strict.stderr


@pytest.mark.parametrize(
    ("arguments", "token", "words"),
    [
        (["order"], "t", "no pipeline 'order' in"),
        (["orders", "--stream", "nope"], "t", "has no stream 'nope'"),
        (["orders", "--file", "nope.yaml"], "t", "there is no file"),
        (["orders"], None, "SHOP_TOKEN is not set"),
    ],
)
def test_what_cannot_run_says_why(
    workspace: Path, arguments: list[str], token: str | None, words: str
) -> None:
    failed = acme_sync(workspace, *arguments, token=token)
    assert failed.returncode == 1
    assert words in failed.stderr
    assert "hint:" in failed.stderr


def test_dagster_takes_no_part(workspace: Path) -> None:
    code = (
        "import sys; from acme.cli.sync import command; command(['orders'], standalone_mode=False);"
        " sys.exit('dagster' in sys.modules or 'flask' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=workspace,
        env={**os.environ, "SHOP_TOKEN": "t"},
        capture_output=True,
        timeout=280,
    )
    assert done.returncode == 0
