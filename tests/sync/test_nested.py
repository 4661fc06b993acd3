"""Nested records as tables: what they hold, and that they change together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acme_sdk import (
    Checkpoint,
    ConfigurationError,
    DestinationConnector,
    Position,
    Row,
    WriteMode,
)
from acme_sdk.catalog import Stream
from acme_sdk.columns import RowBatcher
from acme_sdk.policy import NestedData
from acme_sdk.sync import CommitInterval, FileStateStore, StreamPlan, sync_stream
from acme_sdk.sync.nesting import ROOT, Unnesting
from tests.sync.pages import Crash, CrashingLoad, Pages, Steps
from tests.sync.rows import Rows
from tests.sync.targets import Target


def nested(mode: WriteMode = WriteMode.OVERWRITE, **changes: Any) -> StreamPlan:
    return StreamPlan("shop", table="orders", write_mode=mode, nested=NestedData.TABLES, **changes)


LOCAL = ["duckdb", "postgres", "parquet"]
everywhere = pytest.mark.parametrize("target", [*LOCAL, "bigquery"], indirect=True)
where_upserts_are = pytest.mark.parametrize("target", ["duckdb", "postgres", "bigquery"], indirect=True)
on_this_machine = pytest.mark.parametrize("target", LOCAL, indirect=True)


def order(number: int, *items: Any, **more: Any) -> dict[str, Any]:
    return {"id": number, "items": list(items), **more}


ITEMS = (
    "SELECT _acme_key_id, _acme_position_1, sku FROM orders__items i JOIN orders USING (_acme_record_id)"
    " WHERE _acme_key_id = id ORDER BY 1, 2, 3"
)
ORPHANS = "SELECT * FROM orders__items WHERE _acme_record_id NOT IN (SELECT _acme_record_id FROM orders)"


@everywhere
def test_lists_become_tables_and_dictionaries_columns(target: Target) -> None:
    destination, query = target.destination, target.query
    record = {
        "id": 1,
        "address": {"city": "Graz", "geo": {"lat": 47.07}, "phones": ["1", "2"]},
        "items": [{"sku": "a", "taxes": [{"rate": 10}, {"rate": 20}]}, {"sku": "b", "taxes": []}, "c"],
        "matrix": [[1, 2], [], [3]],
        "tags": None,
    }
    result = sync_stream(Rows(record), destination, nested(primary_key=("id",)))
    assert set(result.children) == {
        "orders__address__phones",
        "orders__items",
        "orders__items__taxes",
        "orders__matrix",
        "orders__matrix__value",
    }
    assert query("SELECT id, address__city, address__geo__lat FROM orders") == [(1, "Graz", 47.07)]
    assert query("SELECT value FROM orders__address__phones ORDER BY _acme_position_1") == [("1",), ("2",)]
    assert query("SELECT sku, value FROM orders__items ORDER BY _acme_position_1") == [
        ("a", None),
        ("b", None),
        (None, "c"),
    ]
    taxes = (
        "SELECT _acme_key_id, _acme_position_1, _acme_position_2, rate FROM orders__items__taxes ORDER BY 4"
    )
    assert query(taxes) == [(1, 0, 0, 10), (1, 0, 1, 20)]
    values = "SELECT _acme_position_1, _acme_position_2, value FROM orders__matrix__value ORDER BY 1, 2"
    assert query(values) == [(0, 0, 1), (0, 1, 2), (2, 0, 3)]
    assert query("SELECT _acme_position_1 FROM orders__matrix ORDER BY 1") == [(0,), (1,), (2,)]


@everywhere
def test_overwrite_replaces_parents_and_children(target: Target) -> None:
    destination, query = target.destination, target.query
    plan = nested(primary_key=("id",))
    sync_stream(Rows(order(1, {"sku": "a"}, {"sku": "b"}), order(2, {"sku": "c"})), destination, plan)
    ids = query("SELECT id, _acme_record_id FROM orders ORDER BY 1")
    sync_stream(Rows(order(1, {"sku": "a"}, {"sku": "b"}), order(3)), destination, plan)
    assert query(ITEMS) == [(1, 0, "a"), (1, 1, "b")]
    assert query("SELECT id, _acme_record_id FROM orders WHERE id = 1") == ids[:1]  # the same as before
    assert query(ORPHANS) == []
    sync_stream(Rows(order(3)), destination, plan)
    assert query("SELECT count(*) FROM orders__items") == [(0,)]


@where_upserts_are
def test_upsert_replaces_the_children_of_a_record(target: Target) -> None:
    destination, query = target.destination, target.query
    plan = nested(WriteMode.UPSERT, primary_key=("id",))
    first = [order(n, {"sku": "a"}, {"sku": "b"}) for n in (1, 2, 3)]
    sync_stream(Rows(*first), destination, plan)
    again = [order(1), order(2, {"sku": "x", "amount": 1}), order(2, {"sku": "y", "amount": 2.5})]
    result = sync_stream(Rows(*again), destination, plan)
    assert query(ITEMS) == [(2, 0, "y"), (3, 0, "a"), (3, 1, "b")]
    assert query(ORPHANS) == []
    assert (result.rows, result.loaded, result.children) == (3, 2, ("orders__items",))
    sync_stream(Rows(order(3)), destination, plan)  # of a list that is empty, nothing tells but the state
    assert query(ITEMS) == [(2, 0, "y")]
    sync_stream(Rows(order(4, {"sku": "z"})), destination, plan, full_refresh=True)
    sync_stream(Rows(order(4, {"sku": "z"}), order(4, {"sku": "z"})), destination, plan)
    assert query(ITEMS) == [(4, 0, "z")]
    state = destination.state("shop", "rows")
    assert state is not None
    assert state.details is not None
    assert state.details["children"] == {"orders__items": 1}


@everywhere
def test_append_adds_each_record_with_its_children(target: Target) -> None:
    destination, query = target.destination, target.query
    plan = nested(WriteMode.APPEND, primary_key=("id",), cursor_field="at")
    sync_stream(Rows(order(1, {"sku": "a"}, at=1), order(2, {"sku": "b"}, at=2)), destination, plan)
    changed = [order(2, {"sku": "b2"}, at=2), order(2, {"sku": "c"}, at=3), order(3, {"sku": "d"}, at=3)]
    assert sync_stream(Rows(*changed), destination, plan).loaded == 2
    assert query(ITEMS) == [(1, 0, "a"), (2, 0, "b"), (2, 0, "c"), (3, 0, "d")]
    assert query(ORPHANS) == []


@everywhere
def test_equal_records_share_their_children(target: Target) -> None:
    destination, query = target.destination, target.query
    for _ in range(2):
        sync_stream(
            Rows(order(1, {"sku": "a"}), order(1, {"sku": "a"})), destination, nested(WriteMode.APPEND)
        )
    assert query("SELECT count(*), count(DISTINCT _acme_record_id) FROM orders") == [(4, 1)]
    assert query("SELECT sku FROM orders__items") == [("a",)]


@where_upserts_are
def test_parent_children_and_state_change_together(target: Target) -> None:
    destination, query = target.destination, target.query
    plan = nested(WriteMode.UPSERT, primary_key=("id",))
    sync_stream(Rows(order(1, {"sku": "a"})), destination, plan)
    before = destination.state("shop", "rows")
    with pytest.raises(Exception, match="key"):
        sync_stream(Rows(order(1, {"sku": "b"}), {"id": None, "items": [{"sku": "c"}]}), destination, plan)
    assert query(ITEMS) == [(1, 0, "a")]
    assert destination.state("shop", "rows") == before
    assert target.tables() == {"orders", "orders__items", "_acme_checkpoints"}


class NestedPages(Pages):
    """Records with a list of as many items as their id says, at most two."""

    def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
        for row in super().extract_stream(stream, position):
            if isinstance(row, Row):
                row = Row(row, items=[{"v": row["v"]}] * (row["id"] % 3))
            yield row


@pytest.mark.parametrize(
    ("target", "mode"),
    [(name, mode) for name in LOCAL for mode in WriteMode if (name, mode) != ("parquet", WriteMode.UPSERT)],
    indirect=["target"],
)
def test_children_follow_their_records_wherever_a_sync_broke_off(
    target: Target, mode: WriteMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination, query = target.destination, target.query
    open_load, steps = destination.open_load, [Steps()]
    monkeypatch.setattr(destination, "open_load", lambda plan: CrashingLoad(open_load(plan), steps[0]))
    plan = nested(mode, primary_key=("id",))
    pages = NestedPages([(0, 0, "a")], overlap=1)
    sync_stream(pages, destination, plan)
    for crash_at in itertools.count(step=5):
        first = len(pages.log)
        pages.log += [(first + n, first + n, "b") for n in range(4)]
        pages.steps = steps[0] = Steps(crash_at)
        try:
            sync_stream(pages, destination, plan, commit_interval=CommitInterval(rows=1))
        except Crash:
            pages.steps = steps[0] = Steps()
            sync_stream(pages, destination, plan, commit_interval=CommitInterval(rows=1))
        else:
            break
        if mode is WriteMode.OVERWRITE:
            pages.log = [(0, 0, "c")]  # what is read again must not grow as fast as the steps
    held = "SELECT o.id, i.v FROM orders__items i JOIN orders o USING (_acme_record_id) ORDER BY o.id, o.at"
    items = [(number, v) for number, _, v in pages.log for _ in range(number % 3)]
    assert sorted(query(held)) == sorted(items)
    assert query("SELECT count(*) FROM orders__items") == [(len(items),)]
    assert crash_at > 5


@on_this_machine
def test_names_that_would_be_one_are_refused(target: Target) -> None:
    destination, query = target.destination, target.query
    for record, words in (
        ({"a": {"b": 1}, "a__b": 2}, "the columns 'a__b' and 'a.b' would both be 'a__b'"),
        ({"a": {"b": [1]}, "a__b": [2]}, "the tables 'a.b' and 'a__b' would both be 'a__b'"),
        ({"_acme_record_id": 1}, "a column of ours"),
        ({"items": [{"_acme_position_1": 1}]}, "a column of ours"),
    ):
        with pytest.raises(ConfigurationError, match=words) as caught:
            sync_stream(Rows(record), destination, nested())
        assert caught.value.code == "name.collision"
    with pytest.raises(ConfigurationError, match="would both be 'orders__items'"):
        sync_stream(Rows(order(1, 2)), destination, nested(beside=("orders__items",)))
    renamed = nested(primary_key=("id",), columns={"id": "order"})
    sync_stream(Rows(order(1, 2)), destination, renamed)
    assert query('SELECT "order", _acme_key_order, value FROM orders, orders__items') == [(1, 1, 2)]
    long = "ü" * 90
    result = sync_stream(Rows({"id": 1, long: [{"a.b": 1}], "x": {long: 2}}), destination, nested())
    assert len(result.children) == 2
    assert set(result.names) <= {f"x__{long}"}


@everywhere
def test_a_table_of_somebody_elses_is_left_alone(target: Target) -> None:
    destination, query = target.destination, target.query
    sync_stream(Rows({"id": 7}), destination, StreamPlan("shop", table="orders__items"))
    for mode in destination.write_modes:
        with pytest.raises(ConfigurationError, match="is there already") as caught:
            sync_stream(Rows(order(1, 2)), destination, nested(mode, primary_key=("id",)), full_refresh=True)
        assert caught.value.code == "table.foreign"
    assert query("SELECT id FROM orders__items") == [(7,)]


class OnlyLoad(DestinationConnector):
    """A destination without transactions."""

    def load(self, rows: list[Row], write_mode: WriteMode) -> int:
        return len(rows)

    def health_check(self) -> bool:
        return True


def test_a_destination_without_child_tables_refuses_them(tmp_path: Path) -> None:
    source = Rows({"id": 1})
    source.extract = lambda last_run=None: pytest.fail("it was read")  # type: ignore[method-assign]
    with pytest.raises(ConfigurationError, match="has no child tables") as caught:
        sync_stream(source, OnlyLoad(), nested(), state=FileStateStore(tmp_path))
    assert caught.value.code == "nested.unsupported"


SCALARS = st.integers(-(2**63), 2**63 - 1)
KEYS = st.text("abcäÖ .", min_size=1, max_size=3)
JSON = st.recursive(
    st.none() | SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)


NESTED = st.none() | st.lists(JSON, max_size=3) | st.dictionaries(KEYS, JSON, max_size=3)
RECORDS = st.builds(
    lambda number, nested: {"number": number} | nested, SCALARS, st.dictionaries(KEYS, NESTED, max_size=3)
)


@given(st.lists(RECORDS, min_size=1, max_size=4))
@example([{"a": [[], [None, {}], 1]}, {"a": {"b": [{"c": [1]}]}}])
@settings(max_examples=60, deadline=None)
def test_records_can_be_built_from_their_tables(records: list[dict[str, Any]]) -> None:
    unnesting = Unnesting("orders", ())
    batch = RowBatcher("orders").convert(records)
    tables = {path: part.to_pylist() for path, part in unnesting.take_apart(batch).items()}
    for path, rows in tables.items():
        if path != ROOT:  # equal records share their items, of which destinations keep one
            tables[path] = list({tuple(r[n] for n in r if n.startswith("_acme_")): r for r in rows}.values())
    again = Unnesting("orders", ()).take_apart(batch.select(sorted(batch.schema.names)))
    assert [r["_acme_record_id"] for r in again[ROOT].to_pylist()] == [
        r["_acme_record_id"] for r in tables[ROOT]
    ]
    for built, record in zip((rebuilt(row, tables) for row in tables[ROOT]), records, strict=True):
        assert built == plain(record)


def plain(value: Any) -> Any:
    """What is the same in tables: empty lists and dictionaries are no value, items are dictionaries."""
    if isinstance(value, dict):
        members = {key: item for key, member in value.items() if (item := plain(member)) is not None}
        return members or None
    if isinstance(value, list):
        items = [plain(item) for item in value]
        return [item if isinstance(item, dict) else {"value": item} for item in items] or None
    return value


def rebuilt(row: Mapping[str, Any], tables: Mapping[tuple[str, ...], Sequence[Mapping[str, Any]]]) -> Any:
    """Build a record from its row, and the rows of its lists."""
    return _build(row, ROOT, (), row["_acme_record_id"], tables)


def _build(
    row: Mapping[str, Any],
    path: tuple[str, ...],
    places: tuple[int, ...],
    record: Any,
    tables: Mapping[tuple[str, ...], Sequence[Mapping[str, Any]]],
) -> Any:
    built: dict[str, Any] = {}
    for name, value in row.items():
        if not name.startswith("_acme_") and value is not None:
            _set(built, tuple(name.split("__")), value)
    for child, rows in tables.items():
        if child[: len(path)] != path or child == path:
            continue
        own = [
            r
            for r in rows
            if r["_acme_record_id"] == record
            and tuple(r[f"_acme_position_{n + 1}"] for n in range(len(places))) == places
            and f"_acme_position_{len(places) + 1}" in r
            and f"_acme_position_{len(places) + 2}" not in r
        ]
        items = [
            _build(r, child, (*places, r[f"_acme_position_{len(places) + 1}"]), record, tables) for r in own
        ]
        if items:
            _set(built, child[len(path) :], [item or {"value": None} for item in items])
    return built or None


def _set(built: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    for key in keys[:-1]:
        built = built.setdefault(key, {})
    built[keys[-1]] = value
