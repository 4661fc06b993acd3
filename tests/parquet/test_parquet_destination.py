"""The Parquet destination on real files: what it stores, and what it says when it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acme_sdk import (
    ConfigurationError,
    FatalError,
    HealthStatus,
    RetriableError,
    Row,
    StreamState,
    WriteMode,
    open_connector,
)
from acme_sdk.connectors.parquet import ParquetDestination
from acme_sdk.sync import StreamPlan, sync_stream
from tests.parquet.loading import CHECKPOINT, load, plan, rows, schema

OVERWRITE = plan(WriteMode.OVERWRITE)


def batch(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def test_values_are_stored_in_their_own_type(destination: ParquetDestination, root: Path) -> None:
    values: dict[str, tuple[Any, pa.DataType, str]] = {
        "bool": (True, pa.bool_(), "BOOLEAN"),
        "int": (2**63 - 1, pa.int64(), "BIGINT"),
        "huge": (2**100, pa.decimal128(31, 0), "DECIMAL(31,0)"),
        "float": (0.1, pa.float64(), "DOUBLE"),
        "decimal": (Decimal("-12.50"), pa.decimal128(4, 2), "DECIMAL(4,2)"),
        "text": ("a\0ü", pa.string(), "VARCHAR"),
        "blob": (b"\0\xff", pa.binary(), "BLOB"),
        "naive": (datetime(2026, 1, 2, 3, 4, 5, 6), pa.timestamp("us"), "TIMESTAMP"),
        "zoned": (
            datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
            pa.timestamp("us", "UTC"),
            "TIMESTAMP WITH TIME ZONE",
        ),
        "date": (date.max, pa.date32(), "DATE"),
        "time": (time(1, 2, 3, 4), pa.time64("us"), "TIME"),
        "duration": (timedelta(days=2, microseconds=1), pa.duration("us"), "BIGINT"),
        "uuid": (UUID(int=5), pa.uuid(), "UUID"),
        "json": ({"a": [1, None, "ü"]}, pa.json_(), "JSON"),
    }
    assert load(destination, plan(), [Row({name: value for name, (value, _, _) in values.items()})]) == 1
    assert schema(root) == pa.schema([(name, kind) for name, (_, kind, _) in values.items()])
    with duckdb.connect() as connection:
        described = connection.execute(f"DESCRIBE FROM '{root}/orders/*.parquet'").fetchall()
    assert {name: kind for name, kind, *_ in described} == {name: kind for name, (*_, kind) in values.items()}
    [stored] = ds.dataset(root / "orders", format="parquet").to_table().to_pylist()
    assert stored == {name: value for name, (value, *_) in values.items()} | {"json": '{"a":[1,null,"ü"]}'}


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (
            pa.ExtensionArray.from_storage(
                pa.opaque(pa.string(), "numeric", "PostgreSQL"), pa.array(["1.50"])
            ),
            pa.string(),
        ),
        (pa.array([Decimal("1.5")], pa.decimal256(76, 1)), pa.decimal256(76, 1)),
        (pa.array([1.5], pa.float16()), pa.float16()),
        (pa.array([1], pa.uint64()), pa.uint64()),
        (pa.array([1001], pa.timestamp("ns", "UTC")), pa.timestamp("ns", "UTC")),
        (pa.array([1], pa.timestamp("us", "Europe/Berlin")), pa.timestamp("us", "Europe/Berlin")),
        (pa.array(["a"]).dictionary_encode(), pa.string()),
        (pa.array(["a"], pa.string_view()), pa.string()),
        (pa.array([[1, None]]), pa.list_(pa.int64())),
        (pa.array([{"a": [{"b": 1}]}]), pa.struct({"a": pa.list_(pa.struct({"b": pa.int64()}))})),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), pa.map_(pa.string(), pa.int64())),
        (
            pa.ExtensionArray.from_storage(pa.json_(pa.large_string()), pa.array(["1"], pa.large_string())),
            pa.json_(),
        ),
        (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1], pa.int8())), pa.bool_()),
    ],
    ids=lambda value: str(value) if isinstance(value, pa.DataType) else "",
)
def test_other_types(destination: ParquetDestination, root: Path, array: pa.Array, kind: pa.DataType) -> None:
    load(destination, plan(), pa.RecordBatch.from_arrays([array], ["x"]))
    load(destination, plan(), pa.RecordBatch.from_arrays([array], ["x"]))
    assert schema(root).field("x").type == kind
    stored = ds.dataset(root / "orders", format="parquet").to_table()["x"].to_pylist()
    expected = array.storage.cast(pa.bool_()) if array.type == pa.bool8() else array
    assert stored == expected.to_pylist() * 2


@pytest.mark.parametrize(
    ("columns", "code", "message"),
    [
        ({"x": pa.array([(1, 2, 3)], pa.month_day_nano_interval())}, "type.unsupported", "'x'.*month_day"),
        ({"x": pa.array([{}], pa.struct([]))}, "type.unsupported", "column 'x': Parquet has no type"),
        ({"id": [1], "ID": [2]}, "column.name", "'id' and 'ID'"),
        ({"": [1]}, "column.name", "''"),
        ({}, "column.name", "no columns"),
    ],
)
def test_what_parquet_cannot_hold_is_refused_by_name(
    destination: ParquetDestination, root: Path, columns: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(FatalError, match=message) as caught:
        load(destination, plan(), batch(**columns))
    assert caught.value.code == code
    assert not (root / "orders").exists()
    assert destination.state("shop", "orders") is None


def test_names_that_come_twice_are_refused(destination: ParquetDestination) -> None:
    twice = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    with pytest.raises(FatalError, match="two columns 'a'"):
        load(destination, plan(), twice)


def test_columns_grow_within_a_load_and_between_loads(destination: ParquetDestination, root: Path) -> None:
    load(destination, plan(), [{"id": 1, "n": None}], [{"id": 2, "n": 5}], [{"id": 3, "n": 1.5, "more": "x"}])
    load(destination, plan(), [{"id": Decimal("4.5"), "late": True}])
    assert rows(root) == [
        (Decimal("1"), None, None, None),
        (Decimal("2"), 5.0, None, None),
        (Decimal("3"), 1.5, "x", None),
        (Decimal("4.5"), None, None, True),
    ]
    assert schema(root).names == ["id", "n", "more", "late"]


def test_a_column_without_values_takes_the_type_that_comes_later(
    destination: ParquetDestination, root: Path
) -> None:
    load(destination, plan(), [{"id": 1, "x": None}])
    assert schema(root).field("x").type == pa.string()
    load(destination, plan(), [{"id": 2, "x": UUID(int=1)}])
    load(destination, plan(), [{"id": 3, "x": None}])
    assert rows(root) == [(1, None), (2, UUID(int=1)), (3, None)]


@pytest.mark.parametrize(
    ("first", "then"), [(1, "a"), (2**53 + 1, 1.5), (1.5, 2**53 + 1), ("a", UUID(int=1))]
)
def test_a_type_that_does_not_fit_is_refused_and_nothing_changes(
    destination: ParquetDestination, root: Path, first: Any, then: Any
) -> None:
    load(destination, plan(), [{"x": first}])
    with pytest.raises(FatalError, match=r"'x' is .* and cannot hold") as caught:
        load(destination, plan(), [{"x": then, "new": 1}])
    assert caught.value.code == "schema.type_changed"
    assert rows(root) == [(first,)]


def test_an_overwrite_takes_new_types_and_drops_what_is_gone(
    destination: ParquetDestination, root: Path
) -> None:
    load(destination, OVERWRITE, [{"id": 1, "old": "x"}])
    assert load(destination, OVERWRITE, [{"id": "a"}], [{"id": "b"}]) == 2
    assert rows(root) == [("a",), ("b",)]


def test_an_overwrite_without_rows_leaves_the_columns(destination: ParquetDestination, root: Path) -> None:
    load(destination, OVERWRITE, [{"id": 1}])
    assert load(destination, OVERWRITE) == 0
    assert rows(root) == []
    assert load(destination, OVERWRITE, batch(a=pa.array([], pa.int32()))) == 0
    assert (rows(root), schema(root)) == ([], pa.schema({"a": pa.int32()}))
    assert load(destination, plan(), batch(a=pa.array([1], pa.int32()))) == 1
    assert rows(root) == [(1,)]
    assert len(list((root / "orders").iterdir())) == 1


def test_a_load_without_columns_makes_no_table(destination: ParquetDestination, root: Path) -> None:
    assert load(destination, OVERWRITE) == 0
    assert not (root / "orders").exists()
    assert destination.state("shop", "orders") == CHECKPOINT


def test_upsert_is_refused_before_the_first_row(destination: ParquetDestination) -> None:
    with pytest.raises(ConfigurationError, match="no write mode 'upsert'") as caught:
        destination.open_load(plan(WriteMode.UPSERT, primary_key=("id",)))
    assert caught.value.code == "write_mode.unsupported"


def test_an_append_that_resumes_leaves_out_what_is_there(destination: ParquetDestination, root: Path) -> None:
    first = plan(primary_key=("id",), cursor_field="at")
    load(destination, first, [{"id": 1, "at": 1}, {"id": 2, "at": 2}])
    resumed = plan(primary_key=("id",), cursor_field="at", resumed_from="2")
    assert load(destination, resumed, [{"id": 2, "at": 2}, {"id": 3, "at": 2}, {"id": 1, "at": 3}]) == 2
    assert rows(root) == [(1, 1), (1, 3), (2, 2), (3, 2)]


def test_rows_without_a_key_are_counted(destination: ParquetDestination, root: Path) -> None:
    load(
        destination, plan(cursor_field="at"), [{"at": 1, "v": "a"}, {"at": 2, "v": "b"}, {"at": 2, "v": "b"}]
    )
    again = [[{"at": 2, "v": "b"}] * 2, [{"at": 2, "v": "b", "more": None}, {"at": None, "v": "n"}]]
    assert load(destination, plan(cursor_field="at", resumed_from="2"), *again) == 2
    assert rows(root) == [(1, "a", None), (2, "b", None), (2, "b", None), (2, "b", None), (None, "n", None)]


CURSORS = [
    pa.array([1, 2, 3]),
    pa.array([Decimal("1.50"), Decimal("2.50"), Decimal("3.50")]),
    pa.array([0.1, 0.2, 0.3]),
    pa.array(["a", "b", "c"]),
    pa.array([date(2026, 1, day) for day in (1, 2, 3)]),
    pa.array([1, 2, 3], pa.timestamp("us")),
    pa.array([1, 2, 3], pa.timestamp("us", "Europe/Berlin")),
    pa.array([1, 2, 3], pa.timestamp("ns", "UTC")),
    pa.array([UUID(int=1).bytes, UUID(int=2).bytes, UUID(int=3).bytes], pa.uuid()),
]


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("cursor", CURSORS, ids=lambda array: str(array.type))
def test_cursors_of_all_types(
    destination: ParquetDestination, root: Path, cursor: pa.Array, keyed: bool
) -> None:
    from acme_sdk.sync.mark import HighWaterMark

    key = ("id",) if keyed else ()
    first = batch(id=[1, 2], at=cursor.slice(0, 2))
    mark = HighWaterMark("orders", "at")
    mark.update(first)
    load(destination, plan(cursor_field="at", primary_key=key), first)
    resumed = plan(cursor_field="at", primary_key=key, resumed_from=mark.text)
    assert load(destination, resumed, batch(id=[2, 3], at=cursor.slice(1, 2))) == 1
    assert [row[0] for row in rows(root)] == [1, 2, 3]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    held=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12),
    again=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12),
    start=st.integers(0, 3),
    cut=st.integers(0, 12),
)
def test_rows_that_are_left_out(
    tmp_path_factory: pytest.TempPathFactory,
    held: list[tuple[int, int]],
    again: list[tuple[int, int]],
    start: int,
    cut: int,
) -> None:
    """Each row of the second load counts as often as the table does not hold it from the start on."""
    from collections import Counter

    root = tmp_path_factory.mktemp("lake")
    again = [row for row in again if row[0] >= start]

    def columns(some: list[tuple[int, int]], kind: pa.DataType) -> pa.RecordBatch:
        return batch(
            at=pa.array([at for at, _ in some], pa.int64()), v=pa.array([v for _, v in some]).cast(kind)
        )

    with open_connector(ParquetDestination, {"path": str(root)}) as destination:
        load(destination, plan(cursor_field="at"), columns(held, pa.int32()))
        # The second half is of a wider type.
        halves = columns(again[:cut], pa.int32()), columns(again[cut:], pa.decimal128(30, 2))
        load(destination, plan(cursor_field="at", resumed_from=str(start)), *halves)
    expected = Counter(held) | Counter(again)
    assert Counter((at, int(v)) for at, v in rows(root)) == expected


def test_tables_in_schemas_and_strange_names(destination: ParquetDestination, root: Path) -> None:
    for number, table in enumerate(("sales.orders", "orders", "0rders ü-1", "sales.a.b")):
        load(destination, plan(table=table), [{"n": number}])
    assert rows(root, "sales/orders") == [(0,)]
    assert rows(root, "orders") == [(1,)]
    assert rows(root, "0rders ü-1") == [(2,)]
    assert rows(root, "sales/a.b") == [(3,)]
    assert destination.test_connection().tables == 4


@pytest.mark.parametrize(
    "table", ["../up", "a/b", ".hidden", "_x", "a.", ".a", "s._t", "k=v", "a*", "", "a\0", "x" * 300, "a..b"]
)
def test_names_that_are_no_folders(destination: ParquetDestination, root: Path, table: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(destination, plan(table=table), [{"n": 1}])
    assert caught.value.code == "table.invalid"
    assert not root.exists()


def test_a_folder_of_somebody_else_is_left_alone(destination: ParquetDestination, root: Path) -> None:
    (root / "orders").mkdir(parents=True)
    (root / "orders" / "theirs.parquet").write_bytes(b"")
    load(destination, plan(table="sales"), [{"n": 1}])
    for table in ("orders", "sales.orders"):
        with pytest.raises(ConfigurationError) as caught:
            load(destination, plan(table=table), [{"n": 1}])
        assert caught.value.code == "table.foreign"
    assert [entry.name for entry in (root / "orders").iterdir()] == ["theirs.parquet"]


def test_checkpoints_of_a_stream_that_moves_to_another_table(destination: ParquetDestination) -> None:
    def state(run: str) -> StreamState:
        return StreamState("shop", "orders", None, run_id=run, progress={"at": 1}, details={"a": [1]})

    for run, table in (("1", "a"), ("2", "b"), ("3", "a"), ("4", "b")):
        load(destination, plan(table=table), [{"n": 1}], state=state(run))
        assert destination.state("shop", "orders") == state(run)
    load(destination, plan(table="b", stream="others"), [{"n": 1}], state=state("5"))
    assert destination.state("shop", "orders") == state("4")
    assert destination.state("shop", "none") is None


def test_files_and_row_groups_are_bounded(root: Path) -> None:
    config = {"path": str(root), "row_group_rows": 1000, "file_mb": 1, "compression": "none"}
    values = pa.array([os.urandom(500) for _ in range(2500)])
    with open_connector(ParquetDestination, config) as destination:
        for _ in range(2):
            assert load(destination, plan(), batch(x=values), batch(x=values.slice(0, 10))) == 2510
    files = sorted((root / "orders").iterdir())
    footers = [pq.read_metadata(file) for file in files]
    groups = [[footer.row_group(n).num_rows for n in range(footer.num_row_groups)] for footer in footers]
    # A mebibyte is reached with the third group; the batches of a load share row groups.
    assert groups == [[1000, 1000, 510], [1000, 1000, 510]]
    assert len(rows(root)) == 5020


@pytest.mark.parametrize(
    ("compression", "codec"), [("zstd", "ZSTD"), ("snappy", "SNAPPY"), ("none", "UNCOMPRESSED")]
)
def test_compression(root: Path, compression: str, codec: str) -> None:
    with open_connector(ParquetDestination, {"path": str(root), "compression": compression}) as destination:
        load(destination, plan(), [{"n": 1}])
    [file] = (root / "orders").iterdir()
    assert pq.read_metadata(file).row_group(0).column(0).compression == codec


def test_a_discarded_load_leaves_nothing(destination: ParquetDestination, root: Path) -> None:
    load(destination, plan(), [{"n": 1}])
    before = sorted(root.rglob("*"))
    open_load = destination.open_load(OVERWRITE)
    open_load.stage(batch(n=[2]))
    open_load.discard()
    open_load.discard()
    assert sorted(root.rglob("*")) == before
    assert rows(root) == [(1,)]


def test_readers_that_have_files_open_go_on(destination: ParquetDestination, root: Path) -> None:
    load(destination, OVERWRITE, [{"n": n} for n in range(3)])
    held = (root / "orders").resolve()
    with pq.ParquetFile(next((root / "orders").iterdir())) as file:
        load(destination, OVERWRITE, [{"n": 9}])
        load(destination, OVERWRITE, [{"n": 10}])
        assert file.read()["n"].to_pylist() == [0, 1, 2]
    # Also who resolved the link, for a minute at least.
    assert ds.dataset(held, format="parquet").count_rows() == 3
    assert rows(root) == [(10,)]


def test_old_versions_are_removed(destination: ParquetDestination, root: Path) -> None:
    load(destination, OVERWRITE, [{"n": 1}])
    first = (root / "orders").resolve().parent
    load(destination, OVERWRITE, [{"n": 2}])
    assert first.exists()
    os.utime(first, (0, 0))
    load(destination, plan(), [{"n": 3}])
    assert not first.exists()
    assert rows(root) == [(2,), (3,)]


def test_a_file_that_is_gone_is_noticed(destination: ParquetDestination, root: Path) -> None:
    load(destination, plan(), [{"n": 1}])
    for file in (root / "orders").iterdir():
        file.unlink()
    with pytest.raises(FatalError) as caught:
        load(destination, plan(), [{"n": 2}])
    assert caught.value.code == "table.damaged"
    assert load(destination, OVERWRITE, [{"n": 3}]) == 1
    assert rows(root) == [(3,)]


def test_one_load_of_a_table_at_a_time(destination: ParquetDestination, root: Path) -> None:
    code = f"""
from tests.parquet.loading import *
from acme_sdk import open_connector
with open_connector(ParquetDestination, {{"path": {str(root)!r}}}) as destination:
    load = destination.open_load(plan())
    load.stage(pa.RecordBatch.from_pydict({{"n": [1]}}))
    print("held", flush=True)
    input()
    load.publish(CHECKPOINT)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip() == b"held"
        with pytest.raises(RetriableError, match=f"PID {process.pid}") as caught:
            load(destination, plan(stream="others"), [{"n": 2}])
        assert caught.value.code == "table.locked"
        with pytest.raises(RetriableError):
            destination.finish_refresh(plan(refresh="r"), CHECKPOINT)
        load(destination, plan(table="other"), [{"n": 2}])
        assert destination.state("shop", "orders") == CHECKPOINT
    finally:
        process.communicate(b"\n", timeout=120)
    assert load(destination, plan(), [{"n": 2}]) == 1
    assert rows(root) == [(1,), (2,)]


def test_a_sync_from_end_to_end(root: Path) -> None:
    from acme_sdk import SourceConnector

    class Numbers(SourceConnector):
        def extract(self, last_run: datetime | None = None) -> Any:
            yield from (Row({"n": n, "text": str(n)}) for n in range(25_000))

    for mode, count in ((WriteMode.OVERWRITE, 25_000), (WriteMode.APPEND, 50_000)):
        with (
            open_connector(Numbers, {}) as source,
            open_connector(ParquetDestination, {"path": str(root)}) as destination,
        ):
            result = sync_stream(source, destination, StreamPlan("p", stream="numbers", write_mode=mode))
        assert result.loaded == 25_000
        assert len(rows(root, "numbers")) == count
    with (
        open_connector(Numbers, {}) as source,
        open_connector(ParquetDestination, {"path": str(root)}) as destination,
        pytest.raises(ConfigurationError, match="no write mode 'upsert'"),
    ):
        sync_stream(
            source,
            destination,
            StreamPlan("p", stream="numbers", write_mode=WriteMode.UPSERT, primary_key=("n",)),
        )


def test_loading_and_reading_rows_directly(root: Path) -> None:
    with open_connector(ParquetDestination, {"path": str(root), "table": "direct"}) as destination:
        assert list(destination.read_back()) == []
        assert destination.load([Row({"id": 1, "tags": [1]})], WriteMode.OVERWRITE) == 1
        assert destination.load([Row({"id": 2, "tags": None})], WriteMode.APPEND) == 1
        assert list(destination.read_back()) == [{"id": 1, "tags": [1]}, {"id": 2, "tags": None}]


@pytest.mark.parametrize("path", ["s3://bucket/lake", "a\0b"])
def test_paths_that_are_no_folders(path: str) -> None:
    with pytest.raises(ConfigurationError) as caught, open_connector(ParquetDestination, {"path": path}):
        pass
    assert caught.value.code == "path.invalid"


def test_health(tmp_path: Path, destination: ParquetDestination, root: Path) -> None:
    assert destination.health_check().status is HealthStatus.HEALTHY
    assert not root.exists()
    load(destination, plan(), [{"n": 1}])
    assert destination.health_check().details == {"tables": 1}
    (tmp_path / "file").touch()
    for path, code in ((tmp_path / "no" / "lake", "path.no_folder"), (tmp_path / "file", "path.invalid")):
        with open_connector(ParquetDestination, {"path": str(path)}) as other:
            assert other.health_check().code == code
