"""What a source of rows is told: cursor, checkpoint, partition; and what goes on around partitions."""

from __future__ import annotations

import gc
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest

from acme_sdk import (
    Checkpoint,
    ConfigurationError,
    FatalError,
    Partition,
    Position,
    RetriableError,
    Row,
    SourceConnector,
    Stream,
    WriteMode,
    open_connector,
)
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.sync import CommitInterval, StreamPlan, SyncResult, sync_stream
from acme_sdk.sync.cursor import step_back
from tests.sync.pages import Crash, CrashingDuckDB, Pages, Steps

EACH = CommitInterval(rows=1)


def sync(path: Path, source: SourceConnector, mode: WriteMode, **options: Any) -> SyncResult:
    plan = StreamPlan("shop", table="t", write_mode=mode, **options.pop("plan", {}))
    with open_connector(DuckDBDestination, {"path": str(path)}) as destination:
        return sync_stream(source, destination, plan, **{"commit_interval": EACH, **options})


def stored(path: Path, statement: str = "FROM t ORDER BY ALL") -> list[Any]:
    with duckdb.connect(str(path)) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


@pytest.mark.parametrize(
    ("value", "overlap", "begin"),
    [
        (datetime(2026, 1, 2, tzinfo=UTC), timedelta(hours=1), datetime(2026, 1, 1, 23, tzinfo=UTC)),
        (datetime(2026, 1, 2), timedelta(microseconds=1), datetime(2026, 1, 1, 23, 59, 59, 999999)),
        (date(2026, 1, 2), timedelta(hours=1), date(2026, 1, 1)),
        (7, 2, 5),
        (7, 1.5, 5),
        (1.5, 1, 0.5),
        (Decimal("7.25"), 2, Decimal("5.25")),
        ("b", None, "b"),
        (UUID(int=5), None, UUID(int=5)),
    ],
)
def test_a_cursor_has_the_type_of_the_rows_and_begins_at_the_overlap(
    path: Path, value: Any, overlap: Any, begin: Any
) -> None:
    class Orders(SourceConnector):
        asked: list[Position] = []

        def streams(self) -> list[Stream]:
            return [Stream("orders", None, ("id",), "at", overlap), Stream("others")]

        def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row]:
            self.asked.append(position)
            yield Row({"id": 1, "at": value})

    source = Orders()
    for loaded in (1, 0):
        result = sync(path, source, WriteMode.APPEND, plan={"stream": "orders"})
        assert result.loaded == loaded
    first, second = source.asked
    assert (first.cursor, first.last_run) == (None, None)
    assert (second.cursor, type(second.cursor)) == (begin, type(begin))
    assert second.last_run is not None


@pytest.mark.parametrize(
    ("text", "kind", "overlap"),
    [("a", pa.string(), 1), ("2026-01-01", pa.date32(), 1), ("5", pa.int64(), timedelta(1))],
)
def test_an_overlap_must_go_with_the_cursor(text: str, kind: pa.DataType, overlap: Any) -> None:
    with pytest.raises(ConfigurationError, match="does not go with a cursor") as caught:
        step_back(text, kind, overlap)
    assert caught.value.code == "overlap.type"


@pytest.mark.parametrize(
    ("text", "kind", "overlap", "begin"),
    [
        ("3", pa.uint8(), 5, "0"),
        ("-127", pa.int8(), 5, "-128"),
        ("0001-01-02", pa.date32(), timedelta(days=9), "0001-01-01"),
        ("2026-01-01T00:00:01", pa.timestamp("s"), timedelta(milliseconds=1), "2026-01-01T00:00:00"),
    ],
)
def test_an_overlap_ends_at_the_lowest_value(text: str, kind: pa.DataType, overlap: Any, begin: str) -> None:
    assert step_back(text, kind, overlap) == begin


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_sync_goes_on_from_the_last_checkpoint_that_was_kept(path: Path, mode: WriteMode) -> None:
    pages = Pages([(n, n, "a") for n in range(10)], steps=Steps(7))
    with suppress(Crash):
        sync(path, pages, mode, run_id="first")
    with open_connector(DuckDBDestination, {"path": str(path)}) as destination:
        kept = destination.state("shop", "orders")
    assert kept is not None
    assert kept.progress is not None
    assert (kept.last_run, kept.cursor, kept.run_id) == (None, None, "first_3")
    before = datetime.now(UTC)
    pages.steps = Steps()
    result = sync(path, pages, mode)
    assert pages.asked[1].checkpoint == {"next": 6}
    assert (result.resumed, result.rows, result.cursor) == (True, 4, "9")
    assert result.started_at < before
    assert len(stored(path)) == 10
    assert sync(path, pages, mode).last_run == (None if mode is WriteMode.OVERWRITE else result.started_at)


def test_readers_see_the_old_table_until_a_refresh_is_complete(path: Path) -> None:
    pages = Pages([(1, 1, "old")])
    sync(path, pages, WriteMode.OVERWRITE)
    pages.log = [(n, n, "new") for n in range(6)]
    pages.steps = Steps(5)
    with suppress(Crash):
        sync(path, pages, WriteMode.OVERWRITE)
    assert stored(path) == [(1, 1, "old")]
    pages.steps = Steps()
    assert sync(path, pages, WriteMode.OVERWRITE).loaded == 6
    assert stored(path) == pages.log


@pytest.mark.parametrize(
    ("mode", "options"),
    [(WriteMode.UPSERT, {}), (WriteMode.APPEND, {"full_refresh": True})],
)
def test_another_plan_begins_anew(path: Path, mode: WriteMode, options: dict[str, Any]) -> None:
    pages = Pages([(n, n, "a") for n in range(6)], steps=Steps(5))
    with suppress(Crash):
        sync(path, pages, WriteMode.APPEND)
    pages.steps = Steps()
    result = sync(path, pages, mode, **options)
    assert (pages.asked[1].checkpoint, result.resumed) == (None, False)
    assert stored(path) == pages.log


def test_another_cursor_is_refused_after_an_append_that_broke_off(path: Path) -> None:
    pages = Pages([(n, n, "a") for n in range(6)], steps=Steps(5))
    with suppress(Crash):
        sync(path, pages, WriteMode.APPEND)
    with pytest.raises(ConfigurationError, match="cursor is now 'id', and was 'at'"):
        sync(path, pages, WriteMode.APPEND, plan={"cursor_field": "id"})


def test_an_overwrite_without_checkpoints_is_one_load(path: Path) -> None:
    class Counting(DuckDBDestination):
        loads = 0

        def open_load(self, plan: Any) -> Any:
            Counting.loads += 1
            assert plan.refresh is None
            return super().open_load(plan)

    pages = Pages([(n, n, "a") for n in range(6)], page=0)
    with open_connector(Counting, {"path": str(path)}) as destination:
        sync_stream(pages, destination, StreamPlan("shop", table="t"), commit_interval=EACH)
    assert Counting.loads == 1


def test_a_column_that_gets_its_values_late_gets_its_type_then(path: Path) -> None:
    class Late(SourceConnector):
        def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
            yield Row({"id": 1, "late": None, "never": None})
            yield Checkpoint({})
            yield Row({"id": 2, "late": 2.5, "never": None})

    sync(path, Late(), WriteMode.APPEND)
    assert stored(path, "SELECT id, late, never FROM t ORDER BY id") == [(1, None, None), (2, 2.5, None)]


def test_a_checkpoint_holds_what_json_has(path: Path) -> None:
    class Odd(SourceConnector):
        def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
            yield Row({"id": 1})
            yield Checkpoint({"at": datetime.now(UTC)})

    with pytest.raises(FatalError, match="the state of a checkpoint") as caught:
        sync(path, Odd(), WriteMode.APPEND)
    assert caught.value.code == "checkpoint.state"


def test_extract_alone_may_yield_checkpoints_and_begins_anew(path: Path) -> None:
    class Simple(SourceConnector):
        def extract(self, last_run: datetime | None = None) -> Iterator[Row | Checkpoint]:
            yield Row({"id": 1})
            yield Checkpoint({"page": 1})
            yield Row({"id": 2})

    assert sync(path, Simple(), WriteMode.APPEND).loaded == 2
    assert stored(path) == [(1,), (2,)]


def test_several_streams_need_a_source_that_is_told_which(path: Path) -> None:
    class Two(SourceConnector):
        def streams(self) -> list[Stream]:
            return [Stream("a"), Stream("b")]

        def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
            yield Row({"id": 1})

    with pytest.raises(ConfigurationError, match="is not told which") as caught:
        sync(path, Two(), WriteMode.APPEND, plan={"stream": "a"})
    assert caught.value.code == "stream.ambiguous"


class TestPartitions:
    def test_each_has_a_cursor_of_its_own(self, path: Path) -> None:
        pages = Pages([(0, 5, "a"), (1, 9, "a"), (2, 7, "a")], parts=3)
        sync(path, pages, WriteMode.APPEND)
        pages.log.append((2, 8, "b"))
        pages.asked.clear()
        result = sync(path, pages, WriteMode.APPEND)
        cursors = {position.partition.name: position.cursor for position in pages.asked if position.partition}
        assert cursors == {"part 0": 5, "part 1": 9, "part 2": 7}
        assert (result.loaded, result.cursor) == (1, "9")
        pages.parts = 0
        sync(path, pages, WriteMode.APPEND)
        assert pages.asked[-1].cursor == 5
        assert stored(path) == sorted(pages.log)

    def test_they_are_read_side_by_side_and_columns_grow_together(self, path: Path) -> None:
        barrier = threading.Barrier(3, timeout=120)

        class Parts(SourceConnector):
            def partitions(self, stream: Stream) -> list[Partition]:
                return [Partition(name) for name in "abc"]

            def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row]:
                barrier.wait()
                assert position.partition is not None
                name = position.partition.name
                yield Row({"id": {"a": 1, "b": 2.5, "c": 3}[name], name: UUID(int=7), "doc": {"x": [name]}})

        result = sync(path, Parts(), WriteMode.OVERWRITE, commit_interval=None)
        assert result.rows == result.loaded == 3
        assert stored(path, "SELECT id, a, b, c, doc FROM t ORDER BY id") == [
            (1.0, UUID(int=7), None, None, '{"x":["a"]}'),
            (2.5, None, UUID(int=7), None, '{"x":["b"]}'),
            (3.0, None, None, UUID(int=7), '{"x":["c"]}'),
        ]

    @pytest.mark.parametrize("error", [RetriableError("429", code="http.429"), KeyboardInterrupt()])
    def test_what_one_raises_ends_them_all_and_leaves_nothing(self, path: Path, error: BaseException) -> None:
        others = threading.Barrier(3, timeout=120)
        closed: list[str] = []

        class Parts(SourceConnector):
            def partitions(self, stream: Stream) -> list[Partition]:
                return [Partition(name) for name in ("a", "b", "broken")]

            def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row]:
                assert position.partition is not None
                name = position.partition.name
                try:
                    yield Row({"id": 1})
                    others.wait()
                    if name == "broken":
                        raise error
                    while True:
                        yield Row({"id": 2})
                finally:
                    closed.append(name)

        threads = threading.active_count()
        with warnings.catch_warnings():
            warnings.simplefilter("error", ResourceWarning)
            with pytest.raises(type(error)):
                sync(path, Parts(), WriteMode.OVERWRITE)
            gc.collect()
        assert sorted(closed) == ["a", "b", "broken"]
        assert threading.active_count() == threads

    @pytest.mark.parametrize("names", [["a", "a"], [""]])
    def test_names_must_tell_them_apart(self, path: Path, names: list[str]) -> None:
        class Parts(Pages):
            def partitions(self, stream: Stream) -> list[Partition]:
                return [Partition(name) for name in names]

        with pytest.raises(ConfigurationError, match="cannot be read one by one"):
            sync(path, Parts(), WriteMode.APPEND)

    def test_partitions_that_ended_are_not_read_again(self, path: Path) -> None:
        pages = Pages([(n, n, "a") for n in range(9)], parts=3)
        crashing = StreamPlan("shop", table="t", write_mode=WriteMode.OVERWRITE)
        CrashingDuckDB.steps = Steps(9)
        with suppress(Crash), open_connector(CrashingDuckDB, {"path": str(path)}) as destination:
            sync_stream(pages, destination, crashing, commit_interval=CommitInterval(3))
        CrashingDuckDB.steps = Steps()
        pages.asked.clear()
        result = sync(path, pages, WriteMode.OVERWRITE)
        assert result.resumed
        assert 0 < len(pages.asked) < 3
        assert stored(path) == pages.log
