"""The sync engine: small sources, real DuckDB files, destinations of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pyarrow as pa
import pytest

from acme_sdk import (
    BatchSource,
    ConfigurationError,
    DestinationConnector,
    FatalError,
    RetriableError,
    Row,
    SourceConnector,
    Stream,
    WriteMode,
    open_connector,
)
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.sync import FileStateStore, StreamPlan, SyncResult, sync_stream

T0 = datetime(2026, 1, 1, tzinfo=UTC)


class Rows(SourceConnector):
    """Yields what a test put in, and keeps the ``last_run`` it was given."""

    def __init__(self, rows: Any = ()) -> None:
        self.rows = rows
        self.asked: list[datetime | None] = []
        self.closed = False

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        self.asked.append(last_run)
        try:
            for row in self.rows:
                if isinstance(row, BaseException):
                    raise row
                yield row
        finally:
            self.closed = True


class Table(BatchSource):
    """A table with a growing ``at``; reads from a cursor on, two rows a batch."""

    schema = pa.schema([("id", pa.int64()), ("at", pa.timestamp("us", "UTC")), ("v", pa.string())])

    def __init__(self, rows: list[dict[str, Any]] | None = None, cursor_field: str | None = "at") -> None:
        self.rows = rows or []
        self.cursor_field = cursor_field
        self.asked: list[str | None] = []

    def streams(self) -> list[Stream]:
        return [Stream("orders", self.schema, ("id",), self.cursor_field)]

    def extract_batches(self, stream: Stream, resume_from: str | None = None) -> Iterator[pa.RecordBatch]:
        self.asked.append(resume_from)
        start = datetime.fromisoformat(resume_from) if resume_from else datetime.min.replace(tzinfo=UTC)
        rows = [row for row in self.rows if row["at"] >= start]
        for index in range(0, len(rows), 2):
            yield pa.RecordBatch.from_pylist(rows[index : index + 2], self.schema)


class Keeper(DestinationConnector):
    """Keeps what it was given; one that has no transactions."""

    def __init__(self) -> None:
        self.calls: list[tuple[WriteMode, list[Row]]] = []
        self.answer: Any = len

    def load(self, rows: list[Row], write_mode: WriteMode) -> int:
        self.calls.append((write_mode, rows))
        return self.answer(rows) if callable(self.answer) else self.answer


@contextmanager
def duck(path: Path) -> Iterator[DuckDBDestination]:
    with open_connector(DuckDBDestination, {"path": str(path)}) as destination:
        yield destination


def sync(path: Path, source: SourceConnector, mode: WriteMode, **options: Any) -> SyncResult:
    fields = {"table": "t", "primary_key": ("id",), **options.pop("plan", {})}
    with duck(path) as destination:
        return sync_stream(source, destination, StreamPlan("shop", write_mode=mode, **fields), **options)


def stored(path: Path, statement: str = "SELECT id, v FROM t ORDER BY ALL") -> list[Any]:
    with duckdb.connect(str(path)) as connection:
        return connection.execute(statement).fetchall()


def at(minutes: int) -> datetime:
    return T0 + timedelta(minutes=minutes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def state(tmp_path: Path) -> FileStateStore:
    return FileStateStore(tmp_path / "state")


def test_the_result_tells_what_happened(path: Path) -> None:
    seen: list[int] = []
    before = datetime.now(UTC)
    source = Table([{"id": n, "at": at(n), "v": "x"} for n in range(5)])
    result = sync(
        path, source, WriteMode.APPEND, run_id="run-1", on_batch=lambda batch: seen.append(batch.num_rows)
    )
    assert (result.rows, result.loaded, result.batches, seen) == (5, 5, 3, [2, 2, 1])
    assert (result.pipeline, result.stream, result.table, result.run_id) == ("shop", "orders", "t", "run-1")
    assert (result.cursor_field, result.cursor) == ("at", "2026-01-01T00:04:00.000000Z")
    assert (result.schema, result.delivery, result.last_run) == (Table.schema, "exactly-once", None)
    assert before <= result.started_at <= result.finished_at <= datetime.now(UTC)
    assert result.bytes > 0


def test_an_append_with_a_cursor_loses_nothing_and_takes_nothing_twice(path: Path) -> None:
    source = Table([{"id": 1, "at": at(1), "v": "a"}, {"id": 2, "at": at(2), "v": "b"}])
    first = sync(path, source, WriteMode.APPEND)
    source.rows += [{"id": 3, "at": at(2), "v": "same time, came later"}, {"id": 4, "at": at(3), "v": "d"}]
    second = sync(path, source, WriteMode.APPEND)
    assert source.asked == [None, first.cursor]
    assert (second.rows, second.loaded, second.last_run) == (3, 2, first.started_at)
    assert [key for key, _ in stored(path)] == [1, 2, 3, 4]
    assert sync(path, source, WriteMode.APPEND).loaded == 0
    source.rows = []
    assert sync(path, source, WriteMode.APPEND).cursor == second.cursor


def test_an_overwrite_reads_everything_each_time(path: Path) -> None:
    source = Table([{"id": 1, "at": at(1), "v": "a"}, {"id": 2, "at": at(2), "v": "b"}])
    sync(path, source, WriteMode.OVERWRITE)
    source.rows.pop(0)
    sync(path, source, WriteMode.OVERWRITE)
    assert source.asked == [None, None]
    assert stored(path) == [(2, "b")]


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_stream_without_rows_still_makes_its_table(path: Path, mode: WriteMode) -> None:
    assert sync(path, Table(), mode).loaded == 0
    assert stored(path) == []


def test_an_upsert_replaces_what_changed(path: Path) -> None:
    source = Table([{"id": n, "at": at(n), "v": "old"} for n in range(4)])
    sync(path, source, WriteMode.UPSERT)
    source.rows[1] = {"id": 1, "at": at(9), "v": "new"}
    assert sync(path, source, WriteMode.UPSERT).loaded == 2
    assert stored(path) == [(0, "old"), (1, "new"), (2, "old"), (3, "old")]


def test_a_full_refresh_replaces_whatever_the_mode_is(path: Path) -> None:
    source = Table([{"id": 1, "at": at(1), "v": "a"}])
    sync(path, source, WriteMode.APPEND)
    source.rows = [{"id": 2, "at": at(0), "v": "b"}]
    result = sync(path, source, WriteMode.APPEND, full_refresh=True)
    assert (result.write_mode, result.cursor) == (WriteMode.OVERWRITE, "2026-01-01T00:00:00.000000Z")
    assert stored(path) == [(2, "b")]


def test_last_run_is_the_start_of_the_last_good_extraction(path: Path) -> None:
    source = Rows([Row({"id": 1, "v": "a"})])
    first = sync(path, source, WriteMode.UPSERT)
    source.rows = [Row({"id": 2, "v": "b"}), ValueError("broken")]
    with pytest.raises(FatalError):
        sync(path, source, WriteMode.UPSERT)
    source.rows = [Row({"id": 3, "v": "c"})]
    sync(path, source, WriteMode.UPSERT)
    assert source.asked == [None, first.started_at, first.started_at]
    assert stored(path) == [(1, "a"), (3, "c")]


@pytest.mark.parametrize(
    ("source", "plan", "code", "words"),
    [
        (Rows(), {"primary_key": ()}, "primary_key.missing", "needs a primary key"),
        (Table(), {"primary_key": ("nope",)}, "column.unknown", "no column 'nope' for its primary key"),
        (Table(), {"cursor_field": "nope"}, "column.unknown", "no column 'nope' for its cursor"),
        (Table(), {"cursor_field": ("id", "nope")}, "column.unknown", "no column 'nope' for its cursor"),
        (Rows(), {"overlap": 3600}, "overlap.type", "the stream has no cursor"),
        (Table(), {"stream": "nope"}, "stream.unknown", "no stream 'nope'"),
        (Rows(), {"stream": "nope"}, "stream.unknown", "no stream 'nope'"),
    ],
)
def test_a_plan_that_cannot_be_done_is_refused_before_the_first_row(
    path: Path, source: Any, plan: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        sync(path, source, WriteMode.UPSERT, plan=plan)
    assert caught.value.code == code
    assert source.asked == []


def test_a_key_that_no_row_has_is_refused(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no column 'id' for its primary key"):
        sync(path, Rows([Row({"key": 1})]), WriteMode.UPSERT)


def test_a_write_mode_that_the_destination_lacks_is_refused(state: FileStateStore) -> None:
    class AppendOnly(Keeper):
        write_modes: ClassVar[frozenset[WriteMode]] = frozenset({WriteMode.APPEND})

    source = Rows([Row({"id": 1})])
    for options in (
        {"write_mode": WriteMode.OVERWRITE},
        {"write_mode": WriteMode.UPSERT, "primary_key": ("id",)},
    ):
        with pytest.raises(ConfigurationError, match="has no write mode") as caught:
            sync_stream(source, AppendOnly(), StreamPlan("shop", **options), state=state)
        assert caught.value.hint == "it has append"
    assert source.asked == []


def test_another_cursor_is_refused_where_it_would_append_everything_twice(path: Path) -> None:
    source = Table([{"id": 1, "at": at(1), "v": "a"}])
    sync(path, source, WriteMode.APPEND)
    with pytest.raises(ConfigurationError, match="cursor is now 'id', and was 'at'"):
        sync(path, source, WriteMode.APPEND, plan={"cursor_field": "id"})
    assert sync(path, source, WriteMode.UPSERT, plan={"cursor_field": "id"}).cursor == "1"


@pytest.mark.parametrize("column", [pa.array([True]), pa.array([time(1)]), pa.array([[1]])])
def test_a_column_without_an_order_is_no_cursor(path: Path, column: pa.Array) -> None:
    class Odd(Table):
        schema = pa.schema([("id", pa.int64()), ("c", column.type)])

        def extract_batches(self, stream: Stream, resume_from: str | None = None) -> Iterator[pa.RecordBatch]:
            yield pa.RecordBatch.from_arrays([pa.array([1]), column], schema=self.schema)

    with pytest.raises(ConfigurationError, match="cannot be a cursor"):
        sync(path, Odd(cursor_field="c"), WriteMode.APPEND)


class TestErrors:
    def test_an_error_says_stream_and_batch_and_keeps_class_code_and_hint(self, path: Path) -> None:
        error = RetriableError("429 from the server", code="http.429", hint="wait")
        source = Rows([*[Row({"id": n}) for n in range(10_000)], error])
        with pytest.raises(RetriableError, match=r"^stream 'rows', batch 2: 429 from the server$") as caught:
            sync(path, source, WriteMode.APPEND)
        assert (caught.value.code, caught.value.hint) == ("http.429", "wait")
        assert source.closed

    def test_what_is_no_error_of_ours_becomes_one_without_its_cause(self, path: Path) -> None:
        with pytest.raises(FatalError, match=r"stream 'rows', batch 1: KeyError: 'results'") as caught:
            sync(path, Rows([KeyError("results")]), WriteMode.APPEND)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        frames = []
        trace = caught.value.__traceback__
        while trace:
            frames.append(trace.tb_frame.f_code.co_name)
            trace = trace.tb_next
        assert frames[-1] == "extract"

    def test_a_lost_connection_is_retriable(self, path: Path) -> None:
        with pytest.raises(RetriableError, match="batch 1"):
            sync(path, Rows([ConnectionResetError("gone")]), WriteMode.APPEND)

    def test_a_row_that_does_not_fit_is_named_once(self, path: Path) -> None:
        with pytest.raises(FatalError, match=r"^stream 'rows', batch 1, row 2, column 'v': is str"):
            sync(path, Rows([Row({"id": 1, "v": 1}), Row({"id": 2, "v": "x"})]), WriteMode.APPEND)

    def test_an_interruption_leaves_nothing_behind_and_comes_through(self, path: Path) -> None:
        sync(path, Rows([Row({"id": 1, "v": "a"})]), WriteMode.APPEND)
        source = Rows([*[Row({"id": n, "v": "b"}) for n in range(20_000)], KeyboardInterrupt()])
        with pytest.raises(KeyboardInterrupt):
            sync(path, source, WriteMode.APPEND)
        assert source.closed
        assert stored(path) == [(1, "a")]


class TestDestinationsOfRows:
    def test_the_first_batch_overwrites_and_the_rest_is_appended(self, state: FileStateStore) -> None:
        source = Rows([Row({"id": n, "nested": {"a": [n]}}) for n in range(10_001)])
        keeper = Keeper()
        result = sync_stream(source, keeper, StreamPlan("shop"), state=state)
        assert [(mode, len(rows)) for mode, rows in keeper.calls] == [
            (WriteMode.OVERWRITE, 10_000),
            (WriteMode.APPEND, 1),
        ]
        assert keeper.calls[1][1] == [Row({"id": 10_000, "nested": {"a": [10_000]}})]
        assert type(keeper.calls[1][1][0]) is Row
        assert (result.loaded, result.delivery) == (10_001, "at-least-once")

    @pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.UPSERT])
    def test_other_modes_hold_for_each_batch(self, state: FileStateStore, mode: WriteMode) -> None:
        keeper = Keeper()
        source = Rows([{"id": n} for n in range(10_001)])
        sync_stream(source, keeper, StreamPlan("shop", write_mode=mode, primary_key=("id",)), state=state)
        assert [given for given, _ in keeper.calls] == [mode, mode]
        assert type(keeper.calls[0][1][0]) is Row

    def test_without_rows_only_an_overwrite_calls_load(self, state: FileStateStore) -> None:
        keeper = Keeper()
        sync_stream(Rows(), keeper, StreamPlan("shop", write_mode=WriteMode.APPEND), state=state)
        assert keeper.calls == []
        sync_stream(Rows(), keeper, StreamPlan("shop"), state=state)
        assert keeper.calls == [(WriteMode.OVERWRITE, [])]

    def test_columns_arrive_as_rows(self, state: FileStateStore) -> None:
        class Json(Table):
            schema = pa.schema([("id", pa.int64()), ("doc", pa.json_())])

            def extract_batches(
                self, stream: Stream, resume_from: str | None = None
            ) -> Iterator[pa.RecordBatch]:
                yield pa.RecordBatch.from_pylist([{"id": 1, "doc": '{"a": [1]}'}], self.schema)

        keeper = Keeper()
        sync_stream(Json(cursor_field=None), keeper, StreamPlan("shop"), state=state)
        assert keeper.calls[0][1] == [Row({"id": 1, "doc": {"a": [1]}})]

    @pytest.mark.parametrize("answer", [None, "2", 2.0, -1, 3, True])
    def test_a_count_that_cannot_be_is_an_error(self, state: FileStateStore, answer: Any) -> None:
        keeper = Keeper()
        keeper.answer = answer
        with pytest.raises(FatalError, match=r"batch 1: load\(\) was given 2 rows and returned") as caught:
            sync_stream(Rows([Row({"id": 1}), Row({"id": 2})]), keeper, StreamPlan("shop"), state=state)
        assert caught.value.code == "load.bad_count"

    def test_the_checkpoint_is_kept_only_after_the_last_batch(self, state: FileStateStore) -> None:
        plan = StreamPlan("shop", write_mode=WriteMode.APPEND, cursor_field="id")
        source = Rows([Row({"id": 1}), ValueError("broken")])
        with pytest.raises(FatalError):
            sync_stream(source, Keeper(), plan, state=state)
        assert state.load("shop", "rows") is None
        source.rows = [Row({"id": 5}), Row({"id": 3})]
        result = sync_stream(source, Keeper(), plan, state=state)
        kept = state.load("shop", "rows")
        assert kept is not None
        assert (kept.cursor, kept.last_run) == ("5", result.started_at)
        source.rows = [Row({"id": 4})]
        assert sync_stream(source, Keeper(), plan, state=state).cursor == "5"
        assert source.asked[-1] == result.started_at

    def test_without_a_place_for_checkpoints_nothing_is_read(self) -> None:
        source = Rows([Row({"id": 1})])
        with pytest.raises(ConfigurationError, match="no state store"):
            sync_stream(source, Keeper(), StreamPlan("shop"), state=None)
        assert source.asked == []
