"""Ordered streams: a sync that broke off goes on from the cursor, and nothing is lost or comes twice."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acme_sdk import (
    BatchSource,
    ConfigurationError,
    FatalError,
    Stream,
    WriteMode,
    open_connector,
    split_cursor,
)
from acme_sdk.cursor import CursorField
from acme_sdk.sync import CommitInterval, StreamPlan, SyncResult, sync_stream
from tests.sync.pages import SCHEMA, Crash, CrashingDuckDB, Ordered, OrderedRows, Record, Steps

EACH = CommitInterval(rows=1)


@dataclass
class Batches(Ordered, BatchSource):
    """Record batches of some rows."""

    batch_rows: int = 1

    def extract_batches(self, stream: Stream, resume_from: str | None = None) -> Iterator[pa.RecordBatch]:
        records = self.since(None if resume_from is None else self.read(resume_from))
        for index in range(0, len(records), self.batch_rows):
            self.steps.step()
            some = [dict(zip(SCHEMA.names, r, strict=True)) for r in records[index : index + self.batch_rows]]
            yield pa.RecordBatch.from_pylist(some, SCHEMA)

    def read(self, text: str) -> Any:
        values = tuple(map(int, split_cursor(text, self.cursor_field)))
        return values if isinstance(self.cursor_field, tuple) else values[0]


def sync(path: Path, source: Any, mode: WriteMode, **options: Any) -> SyncResult:
    plan = StreamPlan("shop", table="t", write_mode=mode, **options.pop("plan", {}))
    CrashingDuckDB.steps = options.pop("steps", Steps())
    with open_connector(CrashingDuckDB, {"path": str(path)}) as destination:
        return sync_stream(source, destination, plan, **{"commit_interval": EACH, **options})


def stored(path: Path, statement: str = "FROM t ORDER BY ALL") -> list[Any]:
    with duckdb.connect(str(path)) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def source_of(kind: str, **options: Any) -> OrderedRows | Batches:
    """Return a source of rows, of partitions, or of batches of two rows."""
    if kind == "batches":
        return Batches(batch_rows=2, **options)
    return OrderedRows(parts=2 if kind == "partitions" else 0, **options)


#: Each round brings records, as (id, ticks since the one before, value), and says where it crashes.
NEWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.sampled_from("ab")), max_size=7)
ROUNDS = st.lists(st.tuples(NEWS, st.integers(-1, 18)), min_size=1, max_size=4)
CALM: list[tuple[list[tuple[int, int, str]], int]] = [([], -1), ([], -1)]
INTERVALS = st.sampled_from([CommitInterval(1, 60), CommitInterval(3, 60), CommitInterval(1000, 0)])


@settings(max_examples=60)
@given(
    rounds=ROUNDS,
    mode=st.sampled_from(WriteMode),
    kind=st.sampled_from(["rows", "partitions", "batches"]),
    keyed=st.booleans(),
    cursor=st.sampled_from(["at", ("at", "id")]),
    overlap=st.sampled_from([None, 1, 5]),
    typed=st.booleans(),
    interval=INTERVALS,
)
def test_the_table_is_what_it_would_be_without_crashes(
    rounds: list[tuple[list[tuple[int, int, str]], int]],
    mode: WriteMode,
    kind: str,
    keyed: bool,
    cursor: CursorField,
    overlap: int | None,
    typed: bool,
    interval: CommitInterval,
) -> None:
    source = source_of(kind, overlap=overlap, schema=SCHEMA if typed else None, cursor_field=cursor)
    source.key = ("id",) if keyed or mode is WriteMode.UPSERT else ()
    clock = 0
    known = set()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "warehouse.duckdb")
        for news, crash_at in [*rounds, *CALM]:
            for key, ticks, value in news:
                clock += ticks
                clock += (key, clock) in known  # a record that changes twice does so at two times
                # With the key in the cursor, a lower one that comes late is below it.
                clock += cursor != "at" and any(at == clock and other > key for other, at in known)
                known.add((key, clock))
                source.log.append((key, clock, value))
            source.steps = steps = Steps(crash_at)
            with suppress(Crash):
                sync(path, source, mode, steps=steps, commit_interval=interval)
        tables = stored(path, "SELECT table_name FROM duckdb_tables() ORDER BY ALL")
        found = stored(path) if ("t",) in tables else []
    latest = {record[0]: record for record in source.log}
    assert found == sorted(latest.values() if mode is WriteMode.UPSERT else source.log)
    assert [name for (name,) in tables if name != "t"] == ["_acme_checkpoints"]


@pytest.mark.parametrize("mode", list(WriteMode))
@pytest.mark.parametrize(("kind", "steps", "kept"), [("rows", 7, 3), ("batches", 3, 2)])
def test_a_sync_goes_on_from_the_highest_cursor_that_was_kept(
    path: Path, mode: WriteMode, kind: str, steps: int, kept: int
) -> None:
    source = source_of(kind, log=[(n, n // 2, "a") for n in range(10)], steps=Steps(steps))
    with suppress(Crash):
        sync(path, source, mode)
    source.steps = Steps()
    result = sync(path, source, mode)
    assert source.asked == [None, kept]
    assert (result.resumed, result.rows, result.cursor) == (True, 10 - 2 * kept, "4")
    assert stored(path) == source.log


@pytest.mark.parametrize("mode", list(WriteMode))
def test_rows_at_the_mark_come_once_also_if_there_are_more_by_then(path: Path, mode: WriteMode) -> None:
    source = OrderedRows([(n, 5, "a") for n in range(6)], steps=Steps(4))
    with suppress(Crash):
        sync(path, source, mode)
    source.log.insert(0, (9, 5, "late"))
    source.steps = Steps()
    assert sync(path, source, mode).rows == 7
    assert source.asked == [None, 5]
    assert stored(path) == sorted(source.log)


@pytest.mark.parametrize("mode", list(WriteMode))
@pytest.mark.parametrize("kind", ["rows", "batches"])
def test_with_a_unique_cursor_only_its_own_row_comes_again(path: Path, mode: WriteMode, kind: str) -> None:
    log = [(n, 5, "a") for n in range(10)]
    source = source_of(kind, log=log, cursor_field=("at", "id"), steps=Steps(7 if kind == "rows" else 4))
    with suppress(Crash):
        sync(path, source, mode)
    source.steps = Steps()
    result = sync(path, source, mode)
    assert source.asked == [None, (5, kept := 10 - result.rows)]
    assert kept > 3
    assert (result.resumed, result.cursor) == (True, '["5", "9"]')
    assert stored(path) == source.log


def test_an_overlap_holds_for_what_broke_off_as_well(path: Path) -> None:
    source = OrderedRows([(n, n, "a") for n in range(10)], overlap=2, steps=Steps(7))
    with suppress(Crash):
        sync(path, source, WriteMode.APPEND)
    source.log.append((99, 4, "late"))
    source.steps = Steps()
    sync(path, source, WriteMode.APPEND)
    assert source.asked == [None, 4]
    assert stored(path) == sorted(source.log)


def test_what_an_overlap_brings_again_is_no_progress(path: Path) -> None:
    source = OrderedRows([(n, n, "a") for n in range(10)], overlap=4)
    for crash_at in (8, 2, 1, -1):
        source.steps = Steps(crash_at)
        with suppress(Crash):
            sync(path, source, WriteMode.APPEND)
    assert source.asked == [None, 3, 3, 3]
    assert stored(path) == source.log
    source.log += [(n, n, "b") for n in range(10, 13)]
    for crash_at in (3, -1):
        source.steps = Steps(crash_at)
        with suppress(Crash):
            sync(path, source, WriteMode.APPEND)
    assert source.asked[4:] == [5, 5]
    assert stored(path) == source.log


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.OVERWRITE])
def test_without_a_key_all_of_it_is_one_load(path: Path, mode: WriteMode) -> None:
    source = OrderedRows([(n, n, "a") for n in range(6)], key=(), steps=Steps(4))
    with suppress(Crash):
        sync(path, source, mode)
    source.steps = Steps()
    assert not sync(path, source, mode).resumed
    assert source.asked == [None, None]
    assert stored(path) == source.log


def test_the_order_is_not_that_of_another_cursor(path: Path) -> None:
    source = OrderedRows([(5, 1, "a"), (3, 2, "a")])
    assert sync(path, source, WriteMode.APPEND, plan={"cursor_field": "id"}).cursor == "5"


def test_readers_see_the_old_table_until_a_refresh_is_complete(path: Path) -> None:
    source = OrderedRows([(1, 1, "old")])
    sync(path, source, WriteMode.OVERWRITE)
    source.log = [(n, n, "new") for n in range(6)]
    source.steps = Steps(5)
    with suppress(Crash):
        sync(path, source, WriteMode.OVERWRITE)
    assert stored(path) == [(1, 1, "old")]


def test_a_source_that_is_not_ordered_any_more_begins_anew(path: Path) -> None:
    source = OrderedRows([(n, n, "a") for n in range(6)], steps=Steps(4))
    for mode in WriteMode:
        source.steps, source.ordered = Steps(4), True
        with suppress(Crash):
            sync(path, source, mode, full_refresh=mode is WriteMode.OVERWRITE)
        source.steps, source.ordered = Steps(), False
        if mode is WriteMode.APPEND:
            with pytest.raises(ConfigurationError, match="broke off at a value of the cursor 'at'") as caught:
                sync(path, source, mode)
            assert caught.value.code == "cursor.changed"
        else:
            assert not sync(path, source, mode).resumed
            assert stored(path) == source.log


class Unsorted(OrderedRows):
    """Takes its log for sorted."""

    def since(self, cursor: int | None) -> list[Record]:
        return self.log


class TestDisorder:
    @pytest.mark.parametrize("interval", [EACH, CommitInterval()])
    @pytest.mark.parametrize("value", [1, None])
    def test_names_the_rows_and_keeps_what_came_before(
        self, path: Path, interval: CommitInterval, value: Any
    ) -> None:
        source = Unsorted([(1, 1, "a"), (2, 2, "a"), (3, value, "a"), (4, 3, "a")])
        with pytest.raises(FatalError) as caught:
            sync(path, source, WriteMode.APPEND, commit_interval=interval)
        assert caught.value.code == "cursor.disorder"
        assert re.match(r"stream 'orders', batch [0-9]+, row 3: its cursor 'at'", caught.value.message)
        assert "that of row 2" in caught.value.message
        assert "drop ordered" in (caught.value.hint or "")

    def test_names_the_partition(self, path: Path) -> None:
        source = Unsorted([(0, 1, "a"), (1, 5, "a"), (2, 0, "a")], parts=2)
        with pytest.raises(FatalError, match=r"partition 'part 0', row 2: .* that of row 1"):
            sync(path, source, WriteMode.APPEND)

    def test_of_several_columns_is_seen_in_each(self, path: Path) -> None:
        source = Unsorted([(1, 1, "a"), (2, 1, "a"), (1, 2, "a")], cursor_field=("at", "id"))
        assert sync(path, source, WriteMode.APPEND).loaded == 3
        for key, at in ((0, 2), (9, 1), (None, 3)):
            source.log = [*source.log[:3], (key, at, "a")]  # type: ignore[list-item]
            with pytest.raises(FatalError, match=r"row 4: its cursor \('at', 'id'\) .* that of row 3"):
                sync(path, source, WriteMode.APPEND, full_refresh=True)

    def test_missing_values_may_come_first(self, path: Path) -> None:
        log: Any = [(1, None, "a"), (2, None, "a"), (3, 1, "a"), (4, 1, "a")]
        assert sync(path, Unsorted(log), WriteMode.APPEND).loaded == 4

    def test_is_to_begin_below_the_cursor_that_was_asked_for(self, path: Path) -> None:
        source = Unsorted([(n, n, "a") for n in range(6)])
        for mode in (WriteMode.UPSERT, WriteMode.APPEND):
            source.steps = Steps(4)
            with suppress(Crash):
                sync(path, source, mode)
            source.steps = Steps()
            if mode is WriteMode.UPSERT:
                assert sync(path, source, mode).resumed
                path.unlink()
        with pytest.raises(FatalError, match=r"row 1: .* the value that the sync goes on from"):
            sync(path, source, WriteMode.APPEND)

    @pytest.mark.parametrize(
        ("lower", "higher"),
        [
            (1, 2),
            (1.5, 2.5),
            (Decimal("1.5"), Decimal("2.25")),
            ("B", "a"),
            (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
            (UUID(int=1), UUID(int=2**127)),
        ],
    )
    @pytest.mark.parametrize("interval", [EACH, CommitInterval()])
    def test_is_seen_in_all_types_of_cursors(
        self, path: Path, lower: Any, higher: Any, interval: CommitInterval
    ) -> None:
        source = Unsorted([(1, lower, "a"), (2, lower, "a"), (3, higher, "a")], schema=None)
        assert sync(path, source, WriteMode.APPEND, commit_interval=interval).loaded == 3
        source.log.append((4, lower, "a"))
        with pytest.raises(FatalError, match=r"row 4: .* that of row 3"):
            sync(path, source, WriteMode.APPEND, full_refresh=True, commit_interval=interval)
