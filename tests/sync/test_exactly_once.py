"""Nothing lost, nothing twice: syncs that fail or are killed at any point, and are started again."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acme_sdk import BatchSource, Load, LoadPlan, Stream, StreamState, WriteMode, open_connector
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.sync import StreamPlan, sync_stream

Version = tuple[int, int, str]


class Crash(BaseException):
    """Not an `Exception`: nothing may catch it."""


@dataclass
class Shop(BatchSource):
    """Rows by id, each ``(id, at, v)``; its clock never goes back, but may stand still."""

    rows: dict[int, Version] = field(default_factory=dict)
    clock: int = 0
    batch_rows: int = 1

    schema = pa.schema([("id", pa.int64()), ("at", pa.int64()), ("v", pa.string())])

    def change(self, key: int, ticks: int, value: str) -> None:
        self.clock += ticks
        if key in self.rows and self.rows[key][1] == self.clock:
            self.clock += 1  # a record that changes twice does so at two times
        self.rows[key] = (key, self.clock, value)

    def streams(self) -> list[Stream]:
        return [Stream("orders", self.schema, ("id",), "at")]

    def extract_batches(self, stream: Stream, resume_from: str | None = None) -> Iterator[pa.RecordBatch]:
        rows = [row for row in self.rows.values() if resume_from is None or row[1] >= int(resume_from)]
        for index in range(0, len(rows), self.batch_rows):
            records = [
                dict(zip(self.schema.names, row, strict=True))
                for row in rows[index : index + self.batch_rows]
            ]
            yield pa.RecordBatch.from_pylist(records, self.schema)


class CrashingLoad(Load):
    """Does what another load does, and crashes before the step with a number, or after the last."""

    def __init__(self, load: Load, crash_at: int) -> None:
        self._load = load
        self._steps_left = crash_at

    def _step(self) -> None:
        if self._steps_left == 0:
            raise Crash
        self._steps_left -= 1

    def stage(self, batch: pa.RecordBatch) -> None:
        self._step()
        self._load.stage(batch)

    def publish(self, checkpoint: StreamState) -> int:
        self._step()
        count = self._load.publish(checkpoint)
        self._step()
        return count

    def discard(self) -> None:
        self._load.discard()


class CrashingDuckDB(DuckDBDestination):
    crash_at = -1

    def open_load(self, plan: LoadPlan) -> Load:
        return CrashingLoad(super().open_load(plan), self.crash_at)


CHANGES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2), st.sampled_from("abc")), max_size=6)
ROUNDS = st.lists(st.tuples(CHANGES, st.none() | st.integers(0, 6)), min_size=1, max_size=5)


@settings(max_examples=25)
@given(rounds=ROUNDS, mode=st.sampled_from(WriteMode), keyed=st.booleans(), batch_rows=st.integers(1, 3))
def test_the_table_is_what_it_would_be_without_crashes(
    rounds: list[tuple[list[tuple[int, int, str]], int | None]], mode: WriteMode, keyed: bool, batch_rows: int
) -> None:
    """Each round changes the source, then syncs it, perhaps with a crash; the last one is started again."""
    shop = Shop(batch_rows=batch_rows)
    if not keyed and mode is not WriteMode.UPSERT:
        shop.streams = lambda: [Stream("orders", Shop.schema, (), "at")]  # type: ignore[method-assign]
    seen: set[Version] = set()
    plan = StreamPlan("shop", table="t", write_mode=mode)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "warehouse.duckdb")
        for number, (changes, crash_at) in enumerate([*rounds, ([], None)]):
            for change in changes:
                shop.change(*change)
            with suppress(Crash), open_connector(CrashingDuckDB, {"path": str(path)}) as destination:
                destination.crash_at = -1 if crash_at is None else crash_at
                try:
                    sync_stream(shop, destination, plan, run_id=str(number))
                finally:
                    checkpoint = destination.state("shop", "orders")
                    if checkpoint is not None and checkpoint.run_id == str(number):
                        seen |= set(shop.rows.values())
        with duckdb.connect(str(path)) as connection:
            stored = connection.execute("FROM t ORDER BY ALL").fetchall()
            tables = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
    assert stored == sorted(seen if mode is WriteMode.APPEND else shop.rows.values())
    assert tables == [("_acme_checkpoints",), ("t",)]


CHILD = """
    import sys
    from acme_sdk import Row, SourceConnector, WriteMode, open_connector
    from acme_sdk.connectors.duckdb import DuckDBDestination
    from acme_sdk.sync import StreamPlan, sync_stream

    def waited_for():
        print("batch", flush=True)
        sys.stdin.readline()

    class Numbers(SourceConnector):
        def extract(self, last_run=None):
            for number in range(60_000):
                yield Row({"id": number, "v": f"value {number}"})

    path, mode = sys.argv[1:]
    plan = StreamPlan("shop", table="t", write_mode=WriteMode(mode), primary_key=("id",))
    with open_connector(DuckDBDestination, {"path": path, "lock_timeout_s": 120}) as destination:
        with open_connector(Numbers, {}) as source:
            sync_stream(source, destination, plan, on_batch=lambda batch: waited_for())
"""


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_sync_that_is_killed_and_started_again_has_each_row_once(tmp_path: Path, mode: WriteMode) -> None:
    path = tmp_path / "warehouse.duckdb"
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(path), mode.value]
    moments = random.Random(mode.value)
    for batches in moments.sample(range(1, 7), 2):
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"go on\n" * (batches - 1))
            for _ in range(batches):
                assert process.stdout.readline() == b"batch\n"
            process.kill()
    stored_early = rows(path, "SELECT count(*) FROM duckdb_tables() WHERE table_name <> '_acme_checkpoints'")
    assert stored_early == [(0,)]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    assert rows(path, "SELECT count(*), count(DISTINCT id), min(id), max(id) FROM t") == [
        (60_000, 60_000, 0, 59_999)
    ]


def rows(path: Path, statement: str) -> list[tuple[int, ...]]:
    with duckdb.connect(str(path)) as connection:
        return connection.execute(statement).fetchall()
