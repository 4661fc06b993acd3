"""Cursors of several columns: compared one after the other, as text, and how much of them counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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
    Checkpoint,
    ConfigurationError,
    Position,
    Row,
    SourceConnector,
    Stream,
    StreamState,
    WriteMode,
    open_connector,
    split_cursor,
)
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.cursor import join_cursor
from acme_sdk.sync import CommitInterval, CursorRange, FileStateStore, StreamPlan, SyncResult, sync_stream
from acme_sdk.sync.cursor_type import CursorType
from acme_sdk.sync.mark import HighWaterMark

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
FIELD = ("at", "id")


@dataclass
class Visits(SourceConnector):
    """Rows ``(at, id)``, with a checkpoint after each, from the position on."""

    rows: list[tuple[Any, Any]]
    overlap: Any = None
    checkpoints: bool = False
    crash_after: int = -1
    asked: list[Position] = field(default_factory=list)

    def streams(self) -> list[Stream]:
        return [Stream("visits", primary_key=("id",), cursor_field=FIELD, overlap=self.overlap)]

    def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
        self.asked.append(position)
        begin = position.checkpoint["next"] if position.checkpoint else 0
        for number, row in enumerate(self.rows[begin:], begin + 1):
            if (
                not isinstance(position.cursor, tuple)
                or row[:1] > position.cursor[:1]
                or row >= position.cursor
            ):
                yield Row(zip(FIELD, row, strict=True))
                if self.checkpoints:
                    yield Checkpoint({"next": number})
            if number == self.crash_after:
                raise ConnectionError("lost")


def run(path: Path, source: Any, mode: WriteMode = WriteMode.APPEND, **options: Any) -> SyncResult:
    plan = StreamPlan("shop", write_mode=mode, **options.pop("plan", {}))
    with open_connector(DuckDBDestination, {"path": str(path)}) as destination:
        return sync_stream(source, destination, plan, **options)


def held(path: Path) -> list[Any]:
    with duckdb.connect(str(path)) as connection:
        query = 'SELECT epoch_us("at") AS us, id FROM visits ORDER BY ALL'
        rows = connection.execute(query).fetchall()
    return [(datetime.fromtimestamp(at // 10**6, UTC), key) for at, key in rows]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.duckdb"


VALUES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int64(), st.integers(0, 2)),
    (pa.float64(), st.sampled_from([0.5, 1.5, math.nan])),
    (pa.decimal128(5, 2), st.sampled_from([Decimal("1.00"), Decimal("1.50")])),
    (pa.string(), st.sampled_from(["a", 'B"', "é,"])),
    (pa.timestamp("us", "UTC"), st.sampled_from([AT, AT + timedelta(microseconds=1)])),
    (pa.uuid(), st.sampled_from([UUID(int=1), UUID(int=2**127)])),
]


def key(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.encode() if isinstance(value, str) else value for value in row)


@settings(deadline=None)
@given(data=st.data(), kinds=st.lists(st.sampled_from(VALUES), min_size=2, max_size=3))
def test_the_mark_is_that_of_the_highest_row_that_lacks_nothing(data: st.DataObject, kinds: Any) -> None:
    names = [f"c{number}" for number in range(len(kinds))]
    types = [kind for kind, _ in kinds]
    values = st.tuples(*(st.none() | of_kind for _, of_kind in kinds))
    batches = data.draw(st.lists(st.lists(values, max_size=5), max_size=3))
    mark = HighWaterMark("visits", tuple(names))
    for batch in batches:
        arrays = [
            pa.array([row[column] for row in batch], kind, from_pandas=False)
            for column, kind in enumerate(types)
        ]
        mark.update(pa.RecordBatch.from_arrays(arrays, names=names))
    seen = [row for batch in batches for row in batch if not any(v is None or v != v for v in row)]
    if not seen:
        assert mark.text is None
        return
    cursor = CursorType(tuple(names), tuple(types))
    assert mark.text is not None
    assert cursor.value(mark.text) == max(seen, key=key)
    assert cursor.encode(cursor.decode(mark.text)) == mark.text


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3))
def test_texts_come_back(texts: list[str]) -> None:
    columns = ("a", "b", "c")
    assert split_cursor(join_cursor(texts, columns), columns) == tuple(texts)
    assert split_cursor(join_cursor(texts[:1], "a"), "a") == tuple(texts[:1])


@pytest.mark.parametrize("text", ["", "7", "[]", "[7]", '["1","2","3"]', "{}"])
def test_a_text_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        split_cursor(text, FIELD)


def test_each_sync_reads_on_from_the_last_row(path: Path) -> None:
    source = Visits([(AT, n) for n in range(5)])
    assert run(path, source).cursor == '["2026-01-31T12:00:00.000000Z", "4"]'
    source.rows += [(AT, n) for n in range(5, 8)]
    again = run(path, source)
    assert (again.rows, again.loaded) == (4, 3)
    assert source.asked[-1].cursor == (AT, 4)
    assert held(path) == source.rows


def test_a_row_that_lacks_a_part_is_no_mark_and_comes_once(path: Path) -> None:
    source = Visits([(AT, 1), (AT + timedelta(hours=1), None)])
    for read in (2, 2, 2):
        result = run(path, source)
        assert result.rows == read
        assert result.cursor is not None
        assert split_cursor(result.cursor, FIELD)[1] == "1"
    assert held(path) == source.rows


def test_an_overlap_is_of_the_first_column_whatever_the_others_have(path: Path) -> None:
    source = Visits([(AT, 5)], overlap=timedelta(hours=1))
    run(path, source)
    source.rows += [(AT, 3), (AT - timedelta(hours=1), 9), (AT - timedelta(hours=2), 1)]
    result = run(path, source)
    assert source.asked[-1].cursor == (AT - timedelta(hours=1),)
    assert (result.rows, result.loaded) == (3, 2)
    assert [key for _, key in held(path)] == [9, 3, 5]


def test_what_broke_off_goes_on_from_its_checkpoint(path: Path) -> None:
    source = Visits([(AT, n) for n in range(6)], checkpoints=True, crash_after=3)
    with suppress(Exception):
        run(path, source, commit_interval=CommitInterval(rows=1))
    source.crash_after = -1
    result = run(path, source, commit_interval=CommitInterval(rows=1))
    assert (result.resumed, result.rows) == (True, 3)
    assert held(path) == source.rows


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ('["2026-01-31T12:00:00Z", 1]', '["2026-01-31T12:00:00Z", 2]', [1, 2]),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00", [0, 1, 2]),
        ('["2026-01-31T12:00:00Z", "2"]', "2026-01-31 13:00", [2, 3]),
    ],
)
def test_a_range_is_of_whole_values_or_of_the_first_column(
    path: Path, begin: str, end: str, expected: list[int]
) -> None:
    source = Visits([(AT + timedelta(hours=n // 3), n) for n in range(4)])
    run(path, source, WriteMode.UPSERT)
    state = run(path, source, WriteMode.UPSERT).cursor
    result = run(path, source, WriteMode.UPSERT, cursor_range=CursorRange(begin, end))
    assert (result.rows, result.cursor) == (len(expected), state)


@pytest.mark.parametrize(
    ("begin", "end", "code"),
    [
        ('["2026-01-31", 2]', '["2026-01-31", 1]', "backfill.empty"),
        ("2026-02-01", "2026-01-31", "backfill.empty"),
        ("soon", "2026-01-31", "cursor.invalid"),
        ('["2026-01-31", "x"]', "2026-01-31", "cursor.invalid"),
        ('["2026-01-31", null]', "2026-01-31", "cursor.invalid"),
        ('["2026-01-31", 1, 1]', "2026-01-31", "cursor.invalid"),
    ],
)
def test_a_range_that_is_none_is_refused(path: Path, begin: str, end: str, code: str) -> None:
    source = Visits([(AT, 1)])
    run(path, source, WriteMode.UPSERT)
    with pytest.raises(ConfigurationError) as caught:
        run(path, source, WriteMode.UPSERT, cursor_range=CursorRange(begin, end))
    assert caught.value.code == code


def test_other_columns_are_another_cursor(path: Path) -> None:
    source = Visits([(AT, 1), (AT, 2)])
    run(path, source, plan={"cursor_field": "at"})
    with pytest.raises(ConfigurationError, match=r"now \('at', 'id'\), and was 'at'") as caught:
        run(path, source)
    assert caught.value.code == "cursor.changed"
    run(path, source, WriteMode.UPSERT)
    assert source.asked[-1].cursor is None
    with pytest.raises(ConfigurationError, match="no column 'nobody' for its cursor"):
        run(path, source, plan={"cursor_field": ("at", "nobody")}, full_refresh=True)


def test_a_list_of_one_column_is_that_column(path: Path) -> None:
    source = Visits([(AT, 1)])
    run(path, source, plan={"cursor_field": "id"})
    assert run(path, source, plan={"cursor_field": ("id",)}).cursor == "1"
    assert source.asked[-1].cursor == 1


def test_states_of_one_column_are_as_they_were(tmp_path: Path) -> None:
    one = StreamState("shop", "visits", AT, "at", "2026-01-31")
    several = StreamState("shop", "visits", AT, FIELD, '["2026-01-31", "1"]')
    assert one.to_json()["cursor_field"] == "at"
    store = FileStateStore(tmp_path)
    for state in (one, several):
        store.save(state)
        assert store.load("shop", "visits") == state
