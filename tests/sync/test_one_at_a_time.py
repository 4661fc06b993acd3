"""Two runs of one stream at once: the second is refused or overtakes the first, and no row is there twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from acme.sdk import (
    AcmeError,
    DestinationConnector,
    LoadPlan,
    Row,
    SourceConnector,
    StagedDestination,
    StreamState,
    WriteMode,
    open_connector,
)
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.connectors.postgres import PostgresDestination
from acme_sdk.sync import FileStateStore, StreamPlan, sync_stream
from tests.servers import DatabaseServer

# Writes down that it is read, and then waits where it is told to.
SOURCE = """
import os, time
from pathlib import Path
from acme.sdk import Row, SourceConnector

class Slow(SourceConnector):
    def extract(self, last_run=None):
        with open("reads", "a") as reads:
            reads.write("read\\n")
        yield Row({"id": 1})
        while "SLOW" in os.environ:
            time.sleep(0.05)
"""
TARGET = """
from acme.sdk import DestinationConnector

class Lines(DestinationConnector):
    def load(self, rows, write_mode):
        with open("lines", "a") as lines:
            lines.writelines(f"{row['id']}\\n" for row in rows)
        return len(rows)
"""


@dataclass
class Workspace:
    """A workspace with one pipeline, whose runs are processes."""

    folder: Path

    def start(self, *arguments: str, slow: bool = False) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from acme.cli import main; main()", *arguments]
        env = os.environ | ({"SLOW": "yes"} if slow else {})
        return subprocess.Popen(
            command, cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command to its end; return its exit code and what it said is wrong."""
        process = self.start(*arguments)
        _, errors = process.communicate(timeout=280)
        return process.returncode, errors

    @property
    def reads(self) -> int:
        path = self.folder / "reads"
        return len(path.read_text().splitlines()) if path.exists() else 0

    @contextmanager
    def busy(self) -> Iterator[subprocess.Popen[str]]:
        """A run that has begun to read, and does not end."""
        before = self.reads
        process = self.start("sync", "shop", slow=True)
        try:
            give_up = time.monotonic() + 120
            while self.reads == before:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < give_up
                time.sleep(0.05)
            yield process
        finally:
            process.kill()
            process.communicate()


@pytest.fixture(params=["postgres", "duckdb", "parquet", "lines"])
def workspace(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: DatabaseServer
) -> Workspace:
    """A workspace for each kind of destination that has a lock."""
    config: dict[str, Any] = {}
    if request.param == "postgres":
        monkeypatch.setenv("DATABASE", postgres.connection_string(postgres.create_database()))
        config = {"connection": {"env": "DATABASE"}}
    elif request.param == "duckdb":
        config = {"path": "shop.duckdb", "lock_timeout_s": 3600}  # nobody waits for the file's own lock
    elif request.param == "parquet":
        config = {"path": "lake", "lock_timeout_s": 3600}
    document = {
        "connectors": {
            "slow": {"type": "slow", "role": "source"},
            "target": {"type": request.param, "role": "destination", "config": config},
        },
        "pipelines": {
            "shop": {"source": "slow", "destination": "target", "streams": [{"write_mode": "append"}]}
        },
    }
    (tmp_path / "connectors.yaml").write_text(yaml.safe_dump(document))
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "slow.py").write_text(SOURCE)
    (tmp_path / "connectors" / "lines.py").write_text(TARGET)
    return Workspace(tmp_path)


def test_the_second_run_is_refused_and_a_killed_one_holds_nothing(workspace: Workspace) -> None:
    with workspace.busy() as process:
        for arguments in (["sync", "shop"], ["state", "reset", "shop"]):
            code, errors = workspace.run(*arguments)
            assert code == 1
            assert "stream 'slow' of pipeline 'shop' is in use by run " in errors
            assert "since 20" in errors
            assert "[pipeline.busy]" in errors
        assert workspace.reads == 1
        process.kill()
        process.wait()
        assert workspace.run("sync", "shop") == (0, "")
    assert workspace.reads == 2
    assert not list(workspace.folder.rglob("*.lock"))


@dataclass
class Busy(SourceConnector):
    """One row for each run; in the middle of the first, something else happens."""

    meanwhile: Callable[[], object]
    runs: list[int] = field(default_factory=list)

    def extract(self, last_run: Any = None) -> Iterator[Row]:
        number = len(self.runs)
        self.runs.append(number)
        yield Row({"id": number})
        if number == 0:
            self.meanwhile()


PLAN = StreamPlan("shop", table="busy", write_mode=WriteMode.APPEND)


class Nowhere(DestinationConnector):
    """A destination that holds nothing."""

    def load(self, rows: list[Row], write_mode: WriteMode) -> int:
        return len(rows)


@pytest.mark.parametrize("kind", [DuckDBDestination, Nowhere])
def test_a_second_run_in_the_same_process_is_refused(tmp_path: Path, kind: type[Any]) -> None:
    config = {"path": str(tmp_path / "shop.duckdb")} if kind is DuckDBDestination else {}
    files = FileStateStore(tmp_path / "state")
    refused: list[AcmeError] = []

    def again() -> None:
        with open_connector(kind, config) as other, pytest.raises(AcmeError) as caught:
            sync_stream(source, other, PLAN, state=files, run_id="second")
        refused.append(caught.value)

    source = Busy(again)
    with open_connector(kind, config) as destination:
        assert sync_stream(source, destination, PLAN, state=files, run_id="first").loaded == 1
    [error] = refused
    assert error.code == "pipeline.busy"
    assert "run first since 20" in error.message
    assert f"process {os.getpid()} on " in error.message
    assert source.runs == [0]


def test_other_streams_and_pipelines_run_meanwhile(tmp_path: Path) -> None:
    config = {"path": str(tmp_path / "shop.duckdb")}
    with open_connector(DuckDBDestination, config) as destination, ExitStack() as held:
        held.enter_context(destination.exclusive("shop", "orders", "1"))
        held.enter_context(destination.exclusive("shop", "lines", "2"))
        held.enter_context(destination.exclusive("shop2", "orders", "3"))


def test_a_run_that_lost_its_lock_and_was_overtaken_publishes_nothing(postgres: DatabaseServer) -> None:
    database = postgres.create_database()
    config = {"connection": postgres.connection_string(database)}

    def overtake() -> None:
        ended = postgres.query(
            "postgres",
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            f" WHERE datname = '{database}' AND application_name LIKE '% first'",
        )
        assert ended == [(True,)]
        with open_connector(PostgresDestination, config) as other:
            sync_stream(source, other, PLAN, run_id="second")

    source = Busy(overtake)
    with (
        open_connector(PostgresDestination, config) as destination,
        pytest.raises(AcmeError) as caught,
    ):
        sync_stream(source, destination, PLAN, run_id="first")
    assert caught.value.code == "conflict"
    assert "its checkpoint was changed by 'second' in between" in caught.value.message
    assert postgres.query(database, "SELECT id FROM busy") == [(1,)]


def overtaken(
    destination: StagedDestination, change: Callable[[StreamState], None], refresh: str | None
) -> AcmeError:
    """Change the state of a stream while it is loaded; return the error of the load's end."""
    before = StreamState("shop", "busy", None, run_id="before")
    plan = LoadPlan("shop", "busy", "busy", WriteMode.APPEND, run_id="now", refresh=refresh, follows="before")
    destination.replace_state(plan, before)
    load = destination.open_load(plan)
    try:
        load.stage(pa.RecordBatch.from_pylist([{"id": 1}]))
        if refresh is None:
            change(replace(before, run_id="other"))
            with pytest.raises(AcmeError) as caught:
                load.publish(replace(before, run_id="now"))
        else:
            load.publish(replace(before, run_id="now"))
            change(replace(before, run_id="other"))
            with pytest.raises(AcmeError) as caught:
                destination.finish_refresh(replace(plan, follows="now"), replace(before, run_id="end"))
    finally:
        load.discard()
    return caught.value


@pytest.mark.parametrize("refresh", [None, "r1"])
@pytest.mark.parametrize("removed", [False, True])
@pytest.mark.parametrize("kind", ["postgres", "duckdb"])
def test_a_state_that_was_changed_under_a_load_is_left_alone(
    tmp_path: Path, postgres: DatabaseServer, kind: str, removed: bool, refresh: str | None
) -> None:
    """As it happens where there is no lock, or where it was lost."""
    destination: StagedDestination
    with ExitStack() as opened:
        if kind == "postgres":
            config = {"connection": postgres.connection_string(postgres.create_database())}
            destination = opened.enter_context(open_connector(PostgresDestination, config))
        else:
            config = {"path": str(tmp_path / "shop.duckdb")}
            destination = opened.enter_context(open_connector(DuckDBDestination, config))

        def change(state: StreamState) -> None:
            plan = LoadPlan("shop", "busy", "busy", WriteMode.APPEND)
            destination.replace_state(plan, None if removed else state)

        # DuckDB may see it first, as two transactions that change one row.
        assert overtaken(destination, change, refresh).code in ("conflict", "database.conflict")
        held = destination.state("shop", "busy")
        assert (held.run_id if held else None) == (None if removed else "other")
