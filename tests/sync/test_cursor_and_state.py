"""Cursors as text and checkpoints as files: both come back as they were."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acme_sdk import ConfigurationError, FatalError, StreamState
from acme_sdk.arrow import storage
from acme_sdk.sync import FileStateStore
from acme_sdk.sync.cursor import decode_cursor, encode_cursor
from acme_sdk.sync.mark import HighWaterMark

VALUES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.decimal128(20, 5), st.decimals(-(10**14), 10**14, places=5)),
    (pa.string(), st.text(st.characters(exclude_categories=["Cs"]))),
    (pa.date32(), st.dates()),
    (pa.timestamp("us"), st.datetimes()),
    (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(UTC))),
    (pa.timestamp("us", "Europe/Berlin"), st.datetimes(datetime(1900, 1, 1), timezones=st.just(UTC))),
    (pa.uuid(), st.uuids()),
]


@given(data=st.data(), typed=st.sampled_from(VALUES))
def test_a_cursor_comes_back_from_its_text(data: st.DataObject, typed: Any) -> None:
    kind, values = typed
    [value] = storage(pa.array([data.draw(values)], kind))
    assert decode_cursor(encode_cursor(value, kind), kind).equals(value)


@given(data=st.data(), typed=st.sampled_from(VALUES))
def test_the_mark_is_the_highest_of_all_batches(data: st.DataObject, typed: Any) -> None:
    kind, values = typed
    batches = data.draw(st.lists(st.lists(st.none() | values, max_size=3), max_size=4))
    mark = HighWaterMark("orders", "c", None)
    for batch in batches:
        mark.update(pa.record_batch({"c": pa.array(batch, kind)}))
    seen = [value for batch in batches for value in batch if value is not None]
    if kind == pa.string():
        seen.sort(key=str.encode)
    expected = None
    if seen:
        [highest] = storage(pa.array([seen[-1] if kind == pa.string() else max(seen)], kind))
        expected = encode_cursor(highest, kind)
    if expected is not None and pa.types.is_floating(kind):
        assert mark.text is not None
        assert float(mark.text) == float(expected)  # of 0.0 and -0.0 either will do
    else:
        assert mark.text == expected


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (pa.array([datetime(2026, 1, 2, 3, 4, 5, 6, UTC)]), "2026-01-02T03:04:05.000006Z"),
        (pa.array([datetime(2026, 1, 2)]), "2026-01-02T00:00:00.000000"),
        (pa.array([date(2026, 1, 2)]), "2026-01-02"),
        (pa.array([Decimal("1.50")]), "1.50"),
        (pa.array([UUID(int=1)]), "00000000-0000-0000-0000-000000000001"),
        (pa.array([1.5, float("nan")]), "1.5"),
        (pa.array([float("nan")]), None),
    ],
)
def test_the_text_of_a_mark(array: pa.Array, text: str | None) -> None:
    mark = HighWaterMark("orders", "c")
    mark.update(pa.record_batch({"c": array}))
    assert mark.text == text


def test_a_mark_never_falls() -> None:
    mark = HighWaterMark("orders", "c", "10")
    mark.update(pa.record_batch({"c": [9]}))
    assert mark.text == "10"
    mark.update(pa.record_batch({"c": [11]}))
    assert mark.text == "11"


def test_a_mark_of_another_type_is_refused() -> None:
    mark = HighWaterMark("orders", "c", "2026-01-01")
    with pytest.raises(ConfigurationError, match=r"stream 'orders', cursor 'c': its type is now int64"):
        mark.update(pa.record_batch({"c": [9]}))


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
LAST_RUN = datetime(2026, 1, 1, tzinfo=UTC)


@settings(max_examples=50)
@given(names=st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=4, unique=True))
def test_each_stream_has_a_checkpoint_of_its_own(names: list[tuple[str, str]], tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("state")
    store = FileStateStore(folder / "new")
    for number, (pipeline, stream) in enumerate(names):
        assert store.load(pipeline, stream) is None
        store.save(StreamState(pipeline, stream, LAST_RUN, "c", str(number), "run"))
    for number, (pipeline, stream) in enumerate(names):
        expected = StreamState(pipeline, stream, LAST_RUN, "c", str(number), "run")
        assert store.load(pipeline, stream) == expected
    assert all(path.parent == folder / "new" for path in folder.rglob("*.json"))


def test_a_later_checkpoint_replaces_the_one_before(tmp_path: Path) -> None:
    store = FileStateStore(tmp_path)
    for cursor in ("1", "2"):
        store.save(StreamState("shop", "orders", LAST_RUN, "c", cursor))
    kept = store.load("shop", "orders")
    assert kept is not None
    assert kept.cursor == "2"
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"last_run": 1}'])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    store = FileStateStore(tmp_path)
    store.save(StreamState("shop", "orders", LAST_RUN))
    [path] = tmp_path.iterdir()
    path.write_text(content)
    with pytest.raises(FatalError, match=f"{path.name} is damaged") as caught:
        store.load("shop", "orders")
    assert caught.value.code == "state.damaged"
