"""The DuckDB destination on real files: what it stores, and what it says when it cannot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest

from acme_sdk import (
    AcmeError,
    ConfigurationError,
    FatalError,
    HealthStatus,
    LoadPlan,
    RetriableError,
    Row,
    StreamState,
    WriteMode,
    open_connector,
)
from acme_sdk.columns import RowBatcher
from acme_sdk.connectors.duckdb import DuckDBDestination

CHECKPOINT = StreamState("shop", "orders", datetime(2026, 1, 2, tzinfo=UTC), "id", "7", "run")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def destination(path: Path) -> Iterator[DuckDBDestination]:
    with open_connector(DuckDBDestination, {"path": str(path), "lock_timeout_s": 0.3}) as connector:
        yield connector


def plan(mode: WriteMode = WriteMode.APPEND, **changes: Any) -> LoadPlan:
    fields = {"pipeline": "shop", "stream": "orders", "table": "orders", "write_mode": mode, "run_id": "r1"}
    return LoadPlan(**(fields | changes))


def load(destination: DuckDBDestination, plan: LoadPlan, *batches: Any) -> int:
    """Load record batches, or lists of rows that belong to one extraction."""
    open_load = destination.open_load(plan)
    batcher = RowBatcher("orders")
    try:
        for batch in batches:
            open_load.stage(batch if isinstance(batch, pa.RecordBatch) else batcher.convert(batch))
        return open_load.publish(CHECKPOINT)
    finally:
        open_load.discard()


@contextmanager
def reading(path: Path) -> Iterator[Callable[[str], list[Any]]]:
    with duckdb.connect(str(path)) as connection:
        yield lambda statement: connection.execute(statement).fetchall()


def rows(path: Path, statement: str = "FROM orders ORDER BY ALL") -> list[Any]:
    with reading(path) as query:
        return query(statement)


def tables(path: Path) -> set[str]:
    return {name for (name,) in rows(path, "SELECT table_name FROM duckdb_tables()")}


@contextmanager
def held_by_another_process(path: Path) -> Iterator[int]:
    code = f"import duckdb; c = duckdb.connect({str(path)!r}); print('held', flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip() == b"held"
        yield process.pid
    finally:
        process.communicate(b"\n", timeout=120)


def test_values_are_stored_in_the_nearest_exact_type(destination: DuckDBDestination, path: Path) -> None:
    values = {
        "bool": (True, "BOOLEAN"),
        "int": (2**63 - 1, "BIGINT"),
        "huge": (2**100, "DECIMAL(31,0)"),
        "float": (0.1, "DOUBLE"),
        "decimal": (Decimal("-12.50"), "DECIMAL(4,2)"),
        "text": ("a\0ü", "VARCHAR"),
        "blob": (b"\0\xff", "BLOB"),
        "naive": (datetime(2026, 1, 2, 3, 4, 5, 6), "TIMESTAMP"),
        "zoned": (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "TIMESTAMP WITH TIME ZONE"),
        "date": (date.max, "DATE"),
        "time": (time(1, 2, 3, 4), "TIME"),
        "duration": (timedelta(days=2, microseconds=1), "INTERVAL"),
        "uuid": (UUID(int=5), "UUID"),
        "json": ({"a": [1, None, "ü"]}, "JSON"),
    }
    assert load(destination, plan(), [Row({name: value for name, (value, _) in values.items()})]) == 1
    destination.teardown()
    with reading(path) as query:
        types = {name: kind for name, kind, *_ in query("DESCRIBE orders")}
        [stored] = query("SELECT * REPLACE (epoch_us(zoned) AS zoned) FROM orders")
    assert types == {name: kind for name, (_, kind) in values.items()}
    expected = [value for value, _ in values.values()]
    expected[8] = (datetime(2026, 1, 2, 3, 4, 5, 6) - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    expected[-1] = '{"a":[1,null,"ü"]}'
    assert list(stored) == expected


@pytest.mark.parametrize(
    ("array", "sql_type", "text"),
    [
        (
            pa.ExtensionArray.from_storage(
                pa.opaque(pa.string(), "numeric", "PostgreSQL"), pa.array(["1.50"])
            ),
            "VARCHAR",
            "1.50",
        ),
        (pa.array([Decimal("1.5")], pa.decimal256(76, 1)), "VARCHAR", "1.5"),
        (pa.array([Decimal("1.5")], pa.decimal256(30, 1)), "DECIMAL(30,1)", "1.5"),
        (pa.array([1.5], pa.float16()), "FLOAT", "1.5"),
        (pa.array([1000], pa.timestamp("ns", "UTC")), "TIMESTAMP WITH TIME ZONE", None),
        (pa.array(["a"]).dictionary_encode(), "VARCHAR", "a"),
        (pa.array([[1, 2]]), "BIGINT[]", "[1, 2]"),
    ],
)
def test_types_that_duckdb_lacks(
    destination: DuckDBDestination, path: Path, array: pa.Array, sql_type: str, text: str | None
) -> None:
    load(destination, plan(), pa.RecordBatch.from_arrays([array], ["x"]))
    destination.teardown()
    assert rows(path, "SELECT column_type FROM (DESCRIBE orders)") == [(sql_type,)]
    if text is not None:
        assert rows(path, "SELECT x::VARCHAR FROM orders") == [(text,)]


def test_a_value_that_would_lose_digits_is_refused(destination: DuckDBDestination) -> None:
    with pytest.raises(FatalError, match="column 'x'"):
        load(destination, plan(), pa.record_batch({"x": pa.array([1], pa.timestamp("ns", "UTC"))}))


def test_columns_grow_within_a_load_and_between_loads(destination: DuckDBDestination, path: Path) -> None:
    load(destination, plan(), [{"id": 1, "n": None}], [{"id": 2, "n": 5}], [{"id": 3, "n": 1.5, "more": "x"}])
    load(destination, plan(), [{"id": Decimal("4.5"), "late": True}])
    destination.teardown()
    assert rows(path) == [
        (Decimal("1"), None, None, None),
        (Decimal("2"), 5.0, None, None),
        (Decimal("3"), 1.5, "x", None),
        (Decimal("4.5"), None, None, True),
    ]


def test_a_column_without_values_takes_the_type_that_comes_later(
    destination: DuckDBDestination, path: Path
) -> None:
    load(destination, plan(), [{"id": 1, "x": None}])
    load(destination, plan(), [{"id": 2, "x": UUID(int=1)}])
    load(destination, plan(), [{"id": 3, "x": None}])
    destination.teardown()
    assert rows(path) == [(1, None), (2, UUID(int=1)), (3, None)]


@pytest.mark.parametrize(
    ("first", "then"), [(1, "a"), (2**53 + 1, 1.5), (1.5, 2**53 + 1), ("a", UUID(int=1))]
)
def test_a_type_that_does_not_fit_is_refused_and_nothing_changes(
    destination: DuckDBDestination, path: Path, first: Any, then: Any
) -> None:
    load(destination, plan(), [{"x": first}])
    with pytest.raises(FatalError, match=r"'x' is .* and cannot hold") as caught:
        load(destination, plan(), [{"x": then, "new": 1}])
    assert caught.value.code == "schema.type_changed"
    destination.teardown()
    assert rows(path) == [(first,)]
    assert tables(path) == {"orders", "_acme_checkpoints"}


def test_an_overwrite_takes_new_types_and_drops_what_is_gone(
    destination: DuckDBDestination, path: Path
) -> None:
    load(destination, plan(WriteMode.OVERWRITE), [{"id": 1, "old": "x"}])
    assert load(destination, plan(WriteMode.OVERWRITE), [{"id": "a"}], [{"id": "b"}]) == 2
    destination.teardown()
    assert rows(path) == [("a",), ("b",)]


def test_an_overwrite_without_rows_leaves_an_empty_table(destination: DuckDBDestination, path: Path) -> None:
    load(destination, plan(WriteMode.OVERWRITE), [{"id": 1}])
    assert load(destination, plan(WriteMode.OVERWRITE)) == 0
    destination.teardown()
    assert rows(path) == []


def test_upsert_replaces_by_key_and_the_last_row_wins(destination: DuckDBDestination, path: Path) -> None:
    upsert = plan(WriteMode.UPSERT, primary_key=("a", "b"), cursor_field="at")
    load(
        destination,
        upsert,
        [{"a": 1, "b": 1, "at": 1, "v": "old", "extra": "x"}, {"a": 1, "b": 2, "at": 1, "v": "kept"}],
    )
    count = load(
        destination,
        upsert,
        [{"a": 1, "b": 1, "at": 3, "v": "new"}, {"a": 1, "b": 1, "at": 2, "v": "late"}],
        [{"a": 2, "b": 1, "at": 3, "v": "first"}, {"a": 2, "b": 1, "at": 3, "v": "last"}],
    )
    assert count == 2
    destination.teardown()
    assert rows(path) == [(1, 1, 2, "late", None), (1, 2, 1, "kept", None), (2, 1, 3, "last", None)]


def test_upsert_of_a_column_that_is_named_like_the_row_number(
    destination: DuckDBDestination, path: Path
) -> None:
    upsert = plan(WriteMode.UPSERT, primary_key=("id",))
    same = [{"id": id, "rowid": 5} for id in (1, 1, 2, 3)]
    assert load(destination, upsert, same) == 3
    destination.teardown()
    assert rows(path, "SELECT * FROM orders ORDER BY id") == [(1, 5), (2, 5), (3, 5)]


def test_upsert_refuses_a_row_without_a_key(destination: DuckDBDestination) -> None:
    with pytest.raises(FatalError, match="1 rows have no value in 'id'"):
        load(destination, plan(WriteMode.UPSERT, primary_key=("id",)), [{"id": 1}, {"id": None}])
    with pytest.raises(ConfigurationError, match="no column 'key'"):
        load(destination, plan(WriteMode.UPSERT, primary_key=("key",)), [{"id": 1}])


def test_an_append_that_resumes_leaves_out_what_is_there(destination: DuckDBDestination, path: Path) -> None:
    first = plan(primary_key=("id",), cursor_field="at")
    load(destination, first, [{"id": 1, "at": 1}, {"id": 2, "at": 2}])
    resumed = plan(primary_key=("id",), cursor_field="at", resumed_from="2")
    assert load(destination, resumed, [{"id": 2, "at": 2}, {"id": 3, "at": 2}, {"id": 1, "at": 3}]) == 2
    destination.teardown()
    assert rows(path) == [(1, 1), (1, 3), (2, 2), (3, 2)]


def test_without_a_key_the_rows_at_the_boundary_are_counted(
    destination: DuckDBDestination, path: Path
) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    row = {"v": "x", "at": at}
    load(destination, plan(cursor_field="at"), [row, row, {"v": None, "at": at}])
    resumed = plan(cursor_field="at", resumed_from="2026-01-02T03:04:05.678901Z")
    later = {"v": "x", "at": at + timedelta(microseconds=1)}
    assert load(destination, resumed, [row, row, row, {"v": None, "at": at}, later, later]) == 3
    destination.teardown()
    assert rows(path, "SELECT v, count(*) FROM orders GROUP BY v ORDER BY v") == [("x", 5), (None, 1)]


def test_an_append_over_an_overlap_leaves_out_what_is_there(
    destination: DuckDBDestination, path: Path
) -> None:
    def days(*rows: tuple[int, int | None]) -> list[dict[str, Any]]:
        return [{"id": id, "at": at} for id, at in rows]

    what = {"primary_key": ("id",), "cursor_field": "at"}
    load(destination, plan(**what), days((1, 1), (2, 2), (3, 3), (4, 4)))
    # Late: 5. In a new version: 3. Below the overlap, and without a cursor, rows are not compared.
    again = days((2, 2), (5, 2), (3, 5), (4, 4), (1, 1), (6, None))
    assert load(destination, plan(**what, resumed_from="2"), again) == 4
    assert load(destination, plan(cursor_field="at", resumed_from="3"), days((4, 4), (4, 4), (2, 2))) == 2
    destination.teardown()
    assert rows(path) == [
        (1, 1), (1, 1), (2, 2), (2, 2), (3, 3), (3, 5), (4, 4), (4, 4), (5, 2), (6, None),
    ]  # fmt: skip


def test_memory_stays_flat(path: Path) -> None:
    config = {"path": str(path), "memory_limit_mb": 64}
    batch = pa.record_batch({"id": pa.array(range(50_000)), "v": [f"{i:099}" for i in range(50_000)]})
    size, before = batch.nbytes, pa.total_allocated_bytes()
    upsert = plan(WriteMode.UPSERT, primary_key=("id",))
    with open_connector(DuckDBDestination, config) as destination:
        for _ in range(2):
            half = destination.open_load(upsert)
            for start in range(0, 1_500_000, 50_000):
                half.stage(batch.set_column(0, "id", pa.array(range(start, start + 50_000))))
                assert pa.total_allocated_bytes() - before < 3 * size
            assert half.publish(CHECKPOINT) == 1_500_000
    assert rows(path, "SELECT count(*), count(DISTINCT id) FROM orders") == [(1_500_000, 1_500_000)]


@pytest.mark.parametrize("limit", [63, "64", 1.5])
def test_a_memory_limit_that_is_none(path: Path, limit: object) -> None:
    with (
        pytest.raises(ConfigurationError, match="memory_limit_mb"),
        open_connector(DuckDBDestination, {"path": str(path), "memory_limit_mb": limit}),
    ):
        pass


def test_rows_are_seen_only_when_published_and_a_discarded_load_leaves_nothing(
    destination: DuckDBDestination, path: Path
) -> None:
    load(destination, plan(WriteMode.OVERWRITE), [{"id": 1}])
    half = destination.open_load(plan(WriteMode.OVERWRITE))
    half.stage(pa.record_batch({"id": [2]}))
    with duckdb.connect(str(path)) as reader:
        assert reader.execute("FROM orders").fetchall() == [(1,)]
    half.discard()
    half.discard()
    assert destination.state("shop", "orders") == CHECKPOINT
    destination.teardown()
    assert rows(path) == [(1,)]
    assert tables(path) == {"orders", "_acme_checkpoints"}


def test_checkpoints_are_kept_per_pipeline_and_stream(destination: DuckDBDestination) -> None:
    assert destination.state("shop", "orders") is None
    load(destination, plan(), [{"id": 1}])
    assert destination.state("shop", "orders") == CHECKPOINT
    assert destination.state("shop", "other") is None
    assert destination.state("other", "orders") is None


def test_two_loads_at_once_do_not_disturb_each_other(destination: DuckDBDestination, path: Path) -> None:
    loads = [destination.open_load(plan(table=name, stream=name)) for name in ("a", "b")]
    for number, one in enumerate(loads):
        one.stage(pa.record_batch({"id": [number]}))
    for name, one in zip("ab", loads, strict=True):
        one.publish(StreamState("shop", name, datetime.now(UTC)))
    destination.teardown()
    assert (rows(path, "FROM a"), rows(path, "FROM b")) == ([(0,)], [(1,)])


@pytest.mark.parametrize("table", ["other.orders", 'we"ird.or"der; DROP TABLE x', "select", "Ünï code"])
def test_any_name_is_quoted(destination: DuckDBDestination, path: Path, table: str) -> None:
    row = {'a"b': 1, "select": 2, "; --": 3, "'": 4, "%s {}": 5, "rowid": 6}
    upsert = plan(
        WriteMode.UPSERT, table=table, primary_key=('a"b',), cursor_field="select", pipeline='x"; --'
    )
    load(destination, upsert, [row])
    load(destination, upsert, [row])
    destination.teardown()
    schema, _, name = table.rpartition(".")
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (schema or "main", name))
    assert rows(path, f"FROM {quoted}") == [(1, 2, 3, 4, 5, 6)]


@pytest.mark.parametrize("names", [["id", "ID"], [""], ["a\0b"]])
def test_names_that_no_table_can_have_are_refused(destination: DuckDBDestination, names: list[str]) -> None:
    with pytest.raises(FatalError) as caught:
        load(destination, plan(), pa.RecordBatch.from_arrays([pa.array([1])] * len(names), names))
    assert caught.value.code == "column.name"


def test_a_file_that_another_process_holds(destination: DuckDBDestination, path: Path) -> None:
    with held_by_another_process(path) as pid:
        with pytest.raises(
            RetriableError, match=rf"{path} is in use by another process \(PID {pid}\)"
        ) as caught:
            destination.open_load(plan())
        assert caught.value.code == "database.locked"
        assert "wait until" in (caught.value.hint or "")
        report = destination.health_check()
        assert (report.status, report.code) == (HealthStatus.DEGRADED, "database.locked")
    assert load(destination, plan(), [{"id": 1}]) == 1


def test_a_load_waits_for_a_file_that_is_let_go_in_time(path: Path) -> None:
    code = (
        f"import duckdb, time; c = duckdb.connect({str(path)!r}); print('held', flush=True); time.sleep(0.7)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with open_connector(DuckDBDestination, {"path": str(path), "lock_timeout_s": 120}) as destination:
            assert load(destination, plan(), [{"id": 1}]) == 1


def test_health_of_a_file_that_is_there_and_of_one_to_be_made(
    destination: DuckDBDestination, path: Path
) -> None:
    report = destination.health_check()
    assert (report.status, report.server_version) == (HealthStatus.HEALTHY, f"DuckDB {duckdb.__version__}")
    assert not path.exists()
    load(destination, plan(), [{"id": 1}])
    assert destination.health_check().details == {"tables": 1}
    destination.teardown()
    assert destination.health_check().details == {"tables": 1}
    found = destination.test_connection()
    assert (found.server_version, found.database, found.tables) == (
        report.server_version,
        "warehouse.duckdb",
        1,
    )
    assert found.latency_ms is not None


def test_health_of_a_file_that_is_no_database(destination: DuckDBDestination, path: Path) -> None:
    path.write_text("not a database" * 1000)
    report = destination.health_check()
    assert (report.status, report.code) == (HealthStatus.UNHEALTHY, "path.not_duckdb")


def test_health_where_the_folder_is_missing(tmp_path: Path) -> None:
    with open_connector(DuckDBDestination, {"path": str(tmp_path / "none" / "x.duckdb")}) as destination:
        assert destination.health_check().code == "path.no_folder"
        with pytest.raises(AcmeError, match="there is no folder"):
            destination.open_load(plan())


@pytest.mark.parametrize("path", [":memory:", "md:mine", "s3://bucket/x.duckdb", "http://host/x", "a\0b"])
def test_a_path_that_is_no_file_is_refused(path: str) -> None:
    with (
        pytest.raises(ConfigurationError, match="not the path of a file"),
        open_connector(DuckDBDestination, {"path": path}),
    ):
        pass


def test_rows_can_be_loaded_without_a_pipeline(path: Path) -> None:
    config = {"path": str(path), "table": "orders", "primary_key": ["id"]}
    with open_connector(DuckDBDestination, config) as destination:
        assert destination.load([Row({"id": 1, "v": "a"}), Row({"id": 2, "v": "b"})], WriteMode.APPEND) == 2
        assert destination.load([Row({"id": 2, "v": "c"})], WriteMode.UPSERT) == 1
        with pytest.raises(FatalError, match="row 2, column 'v'"):
            destination.load([Row({"id": 3, "v": "x"}), Row({"id": 4, "v": 1})], WriteMode.APPEND)
    assert rows(path) == [(1, "a"), (2, "c")]


def test_loading_rows_without_a_table_is_refused(destination: DuckDBDestination, path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not know which table"):
        destination.load([Row({"id": 1})], WriteMode.APPEND)
    with (
        open_connector(DuckDBDestination, {"path": str(path), "table": "t"}) as other,
        pytest.raises(ConfigurationError, match="needs a primary key"),
    ):
        other.load([Row({"id": 1})], WriteMode.UPSERT)
