"""Loading: write modes, checkpoints, and what is left when something goes wrong in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pyarrow as pa
import pytest

from acme_sdk.connectors.postgres import PostgresDestination
from acme_sdk.errors import AcmeError, ConfigurationError, FatalError, RetriableError
from acme_sdk.lifecycle import open_connector
from acme_sdk.load import LoadPlan, StreamState, WriteMode
from acme_sdk.row import Row
from tests.servers import DatabaseServer

Run = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

NOW = datetime(2026, 2, 15, 10, 28, tzinfo=UTC)
CHECKPOINT = StreamState("user-analytics", "orders", NOW, "id", "3", "run-1")


def plan(mode: WriteMode = WriteMode.APPEND, **changes: Any) -> LoadPlan:
    defaults = {"pipeline": "user-analytics", "stream": "orders", "table": "orders", "run_id": "run-1"}
    return LoadPlan(**defaults | {"write_mode": mode} | changes)


def upsert(**changes: Any) -> LoadPlan:
    return plan(WriteMode.UPSERT, primary_key=("id",), **changes)


def rows(*pairs: tuple[int, str | None]) -> pa.RecordBatch:
    ids, notes = zip(*pairs, strict=True)
    return pa.RecordBatch.from_arrays(
        [pa.array(ids, pa.int64()), pa.array(notes, pa.string())], ["id", "note"]
    )


def one(name: str, column: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([column], [name])


def load(
    destination: PostgresDestination,
    what: LoadPlan,
    *batches: pa.RecordBatch,
    checkpoint: StreamState = CHECKPOINT,
) -> int:
    attempt = destination.open_load(what)
    for batch in batches:
        attempt.stage(batch)
    return attempt.publish(checkpoint)


@pytest.fixture
def orders(query: Query) -> Callable[[], list[tuple[Any, ...]]]:
    return lambda: query("SELECT id, note FROM loaded.orders ORDER BY id, note")


@pytest.fixture
def stages(query: Query) -> Callable[[], list[str]]:
    """The names of all staging tables."""
    statement = "SELECT relname FROM pg_class WHERE relname LIKE '\\_acme\\_stage%' AND relkind = 'r'"
    return lambda: [str(name) for (name,) in query(statement)]


Orders = Callable[[], list[tuple[Any, ...]]]
Stages = Callable[[], list[str]]


def test_append_adds(destination: PostgresDestination, orders: Orders, stages: Stages) -> None:
    assert load(destination, plan(), rows((1, "a"), (2, None)), rows((3, ""))) == 3
    assert load(destination, plan(), rows((3, "again"))) == 1
    assert orders() == [(1, "a"), (2, None), (3, ""), (3, "again")]
    assert stages() == []


def test_overwrite_replaces(destination: PostgresDestination, orders: Orders) -> None:
    load(destination, plan(), rows((1, "a"), (2, "b")))
    assert load(destination, plan(WriteMode.OVERWRITE), rows((3, "c"))) == 1
    assert orders() == [(3, "c")]


def test_overwrite_keeps_what_hangs_on_the_table(
    destination: PostgresDestination, run: Run, query: Query
) -> None:
    load(destination, plan(), rows((1, "a")))
    run(
        "CREATE INDEX by_note ON loaded.orders (note)",
        "CREATE VIEW loaded.notes AS SELECT note FROM loaded.orders",
        "GRANT SELECT ON loaded.orders TO PUBLIC",
    )
    load(destination, plan(WriteMode.OVERWRITE), rows((3, "c")))
    assert query("SELECT * FROM loaded.notes") == [("c",)]
    assert query("SELECT count(*) FROM pg_indexes WHERE indexname = 'by_note'") == [(1,)]
    assert query("SELECT has_table_privilege('public', 'loaded.orders', 'SELECT')") == [(True,)]


def test_overwrite_with_no_rows_empties(destination: PostgresDestination, orders: Orders) -> None:
    load(destination, plan(), rows((1, "a")))
    assert load(destination, plan(WriteMode.OVERWRITE), rows((1, "a")).slice(0, 0)) == 0
    assert orders() == []
    load(destination, plan(), rows((1, "a")))
    assert load(destination, plan(WriteMode.OVERWRITE)) == 0
    assert orders() == []


def test_an_empty_batch_makes_the_table(destination: PostgresDestination, orders: Orders) -> None:
    assert load(destination, plan(), rows((1, "a")).slice(0, 0)) == 0
    assert orders() == []


def test_upsert_replaces_by_key_and_adds(
    destination: PostgresDestination, orders: Orders, query: Query
) -> None:
    assert load(destination, upsert(), rows((1, "a"), (2, "b"))) == 2
    assert load(destination, upsert(), rows((2, "B"), (3, "c"))) == 2
    assert orders() == [(1, "a"), (2, "B"), (3, "c")]
    assert query(
        "SELECT contype::text FROM pg_constraint WHERE conrelid = 'loaded.orders'::regclass AND contype = 'p'"
    )


@pytest.mark.parametrize("constraint", ["PRIMARY KEY", "", "CHECK (id > 0)"])
def test_the_last_staged_row_of_a_key_wins(
    destination: PostgresDestination, run: Run, orders: Orders, constraint: str
) -> None:
    run("CREATE SCHEMA loaded", f"CREATE TABLE loaded.orders (id bigint {constraint}, note text)")
    run("INSERT INTO loaded.orders VALUES (1, 'old'), (7, 'kept')")
    batches = [rows((1, "a"), (2, "b"), (1, "aa")), rows((2, None), (3, "c")), rows((1, "aaa"))]
    assert load(destination, upsert(), *batches) == 3
    assert orders() == [(1, "aaa"), (2, None), (3, "c"), (7, "kept")]


@pytest.mark.parametrize("constraint", ["PRIMARY KEY", "", "CHECK (id > 0)"])
def test_rows_of_which_each_has_a_key_of_its_own(
    destination: PostgresDestination, run: Run, orders: Orders, constraint: str
) -> None:
    run("CREATE SCHEMA loaded", f"CREATE TABLE loaded.orders (id bigint {constraint}, note text UNIQUE)")
    run("INSERT INTO loaded.orders VALUES (1, 'old'), (7, 'kept')")
    assert load(destination, upsert(unique=True), rows((1, "a")), rows((2, "b"))) == 2
    assert orders() == [(1, "a"), (2, "b"), (7, "kept")]
    with pytest.raises(AcmeError, match="note"):
        load(destination, upsert(unique=True), rows((3, "kept")))
    assert orders() == [(1, "a"), (2, "b"), (7, "kept")]


def test_upsert_by_several_columns_and_by_keys_alone(destination: PostgresDestination, query: Query) -> None:
    what = plan(WriteMode.UPSERT, primary_key=("note", "id"))
    assert load(destination, what, rows((1, "a"), (1, "b"))) == 2
    assert load(destination, what, rows((1, "a"), (2, "b"))) == 2
    assert query("SELECT id, note FROM loaded.orders ORDER BY 1, 2") == [(1, "a"), (1, "b"), (2, "b")]


def test_upsert_leaves_columns_that_are_not_loaded_alone(
    destination: PostgresDestination, run: Run, query: Query
) -> None:
    run(
        "CREATE SCHEMA loaded",
        "CREATE TABLE loaded.orders (id bigint, note text, remark text DEFAULT 'new')",
        "INSERT INTO loaded.orders VALUES (1, 'a', 'mine')",
    )
    load(destination, upsert(), rows((1, "b"), (2, "c")))
    assert query("SELECT * FROM loaded.orders ORDER BY id") == [(1, "b", "mine"), (2, "c", "new")]


@pytest.mark.parametrize(
    ("what", "batch", "code"),
    [
        (plan(WriteMode.UPSERT), rows((1, "a")), "primary_key.missing"),
        (plan(WriteMode.UPSERT, primary_key=("no_such",)), rows((1, "a")), "primary_key.missing"),
        (plan(WriteMode.UPSERT, primary_key=("note",)), rows((1, None)), "key.null"),
        (plan(table="_acme_checkpoints"), rows((1, "a")), "name.reserved"),
        (plan(table="x" * 64), rows((1, "a")), "name.invalid"),
        (plan(), one("x" * 64, pa.array([1])), "name.invalid"),
        (plan(), one("", pa.array([1])), "name.invalid"),
        (plan(), pa.RecordBatch.from_arrays([pa.array([1]), pa.array([1])], ["a", "a"]), "name.invalid"),
        (plan(), one("a", pa.array([(1, 2, 3)], pa.month_day_nano_interval())), "type.unsupported"),
        (plan(), one("a", pa.array([1], pa.timestamp("ns"))), "data.not_representable"),
        (plan(), rows((1, "a\0b")), "data.nul"),
    ],
)
def test_what_cannot_be_loaded_is_refused(
    destination: PostgresDestination, query: Query, what: LoadPlan, batch: pa.RecordBatch, code: str
) -> None:
    with pytest.raises(AcmeError) as caught:
        load(destination, what, batch)
    assert caught.value.code == code
    assert query("SELECT count(*) FROM pg_tables WHERE tablename = 'orders'") == [(0,)]


def test_nul_is_reported_with_column_and_row(destination: PostgresDestination) -> None:
    with pytest.raises(FatalError, match="stream 'orders', column 'note', row 4: "):
        load(destination, plan(), rows((1, "a"), (2, "b")), rows((3, "c"), (4, "d\0")))


def test_new_columns_are_added_to_stage_and_table(destination: PostgresDestination, query: Query) -> None:
    load(destination, plan(), rows((1, "a")))
    wider = rows((3, "c")).append_column("price", pa.array([Decimal("1.50")], pa.decimal128(10, 2)))
    assert load(destination, plan(), rows((2, "b")), wider) == 2
    assert query("SELECT * FROM loaded.orders ORDER BY id") == [
        (1, "a", None),
        (2, "b", None),
        (3, "c", Decimal("1.50")),
    ]


def test_a_column_may_get_its_type_late_and_a_wider_one_later(
    destination: PostgresDestination, query: Query
) -> None:
    batches = [
        pa.RecordBatch.from_arrays([pa.array([1]), column, pa.nulls(1)], ["id", "v", "never"])
        for column in (pa.nulls(1), pa.array([5], pa.int64()), pa.array([Decimal("2.5")]))
    ]
    # Decimals that hold 64-bit integers, too, as rows are batched.
    batches[2] = batches[2].set_column(1, "v", pa.array([Decimal("2.5")], pa.decimal128(20, 1)))
    load(destination, plan(), *batches)
    assert query("SELECT v, never FROM loaded.orders ORDER BY v NULLS FIRST") == [
        (None, None),
        (Decimal("2.5"), None),
        (Decimal("5.0"), None),
    ]


def test_a_column_that_changes_its_kind_is_refused(destination: PostgresDestination) -> None:
    changed = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], ["id", "note"])
    with pytest.raises(FatalError, match="column 'note'") as caught:
        load(destination, plan(), rows((1, "a")), changed)
    assert caught.value.code == "schema.type_changed"


@pytest.mark.parametrize(
    ("present", "column", "fits"),
    [
        ("numeric(12,4)", pa.array([Decimal("1.25")], pa.decimal128(10, 2)), True),
        ("numeric", pa.array([Decimal("1.25")], pa.decimal128(10, 2)), True),
        ("numeric(12,1)", pa.array([Decimal("1.25")], pa.decimal128(10, 2)), False),
        ("integer", pa.array([1], pa.int64()), True),
        ("numeric", pa.array([1], pa.int64()), True),
        ("varchar(5)", pa.array(["a"]), True),
        ("json", pa.array(["1"]).cast(pa.json_()), True),
        ("real", pa.array([0.1]), False),
        ("double precision", pa.array([0.5], pa.float32()), True),
        ("date", pa.array([NOW.replace(tzinfo=None)]), False),
        ("timestamp", pa.array([NOW]), False),
        ("integer", pa.array(["1"]), False),
        ("boolean", pa.array([1]), False),
    ],
)
def test_a_table_takes_values_only_if_they_stay_the_same(
    destination: PostgresDestination, run: Run, query: Query, present: str, column: pa.Array, fits: bool
) -> None:
    run("CREATE SCHEMA loaded", f"CREATE TABLE loaded.orders (v {present})")
    batch = pa.RecordBatch.from_arrays([column], ["v"])
    if fits:
        assert load(destination, plan(), batch) == 1
        return
    with pytest.raises(FatalError, match="column 'v'") as caught:
        load(destination, plan(), batch)
    assert caught.value.code == "schema.type_mismatch"
    assert query("SELECT count(*) FROM loaded.orders") == [(0,)]


def test_a_number_out_of_the_columns_range_is_an_error(
    destination: PostgresDestination, run: Run, query: Query
) -> None:
    run("CREATE SCHEMA loaded", "CREATE TABLE loaded.orders (id smallint, note text)")
    with pytest.raises(FatalError) as caught:
        load(destination, plan(), rows((1, "a"), (40_000, "b")))
    assert caught.value.code == "data.invalid"
    assert query("SELECT count(*) FROM loaded.orders") == [(0,)]


def test_the_checkpoint_comes_back(destination: PostgresDestination) -> None:
    assert destination.state("user-analytics", "orders") is None
    load(destination, plan(), rows((1, "a")))
    assert destination.state("user-analytics", "orders") == CHECKPOINT
    later = StreamState("user-analytics", "orders", NOW + timedelta(hours=1), None, None, "run-2")
    load(destination, plan(run_id="run-2"), rows((2, "b")), checkpoint=later)
    assert destination.state("user-analytics", "orders") == later
    assert destination.state("user-analytics", "other") is None
    assert destination.state("other", "orders") is None


def test_nothing_is_seen_before_it_is_published(
    destination: PostgresDestination, query: Query, stages: Stages
) -> None:
    attempt = destination.open_load(plan())
    attempt.stage(rows((1, "a")))
    attempt.stage(rows((2, "b")))
    attempt.stage(rows((3, "c")))  # the first one is there when the third is taken
    assert query("SELECT to_regclass('loaded.orders')") == [(None,)]
    (stage,) = stages()
    assert len(stage) <= 63
    attempt.discard()
    attempt.discard()
    assert stages() == []


@pytest.mark.parametrize("mode", list(WriteMode))
def test_rows_for_a_new_table_are_written_once(
    destination: PostgresDestination, query: Query, stages: Stages, mode: WriteMode
) -> None:
    attempt = destination.open_load(plan(mode, primary_key=("id",)))
    for row in ((1, "a"), (2, "b"), (3, "c")):  # the first one is there when the third is taken
        attempt.stage(rows(row))
    (stage,) = stages()
    file = query(f"SELECT relfilenode, relpersistence::text FROM pg_class WHERE relname = '{stage}'")
    assert attempt.publish(CHECKPOINT) == 3
    assert query("SELECT relfilenode, relpersistence::text FROM pg_class WHERE relname = 'orders'") == file
    assert file[0][1] == "p"
    assert stages() == []


def test_a_new_table_of_an_upsert_has_its_columns_and_key(
    destination: PostgresDestination, query: Query, orders: Orders
) -> None:
    assert load(destination, upsert(table="others", unique=True), rows((1, "a")), rows((2, "b"))) == 2
    assert query("SELECT conname FROM pg_constraint WHERE contype = 'p' AND conname ~ 'others'")
    assert load(destination, upsert(), rows((1, "a"), (2, "b")), rows((1, "later"))) == 2
    assert orders() == [(1, "later"), (2, "b")]
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'orders'"
    assert query(f"{columns} ORDER BY ordinal_position") == [("id",), ("note",)]
    assert query(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'loaded.orders'::regclass AND contype = 'p'"
    ) == [("orders_pkey",)]


def test_rows_for_a_table_that_exists_wait_in_an_unlogged_one(
    destination: PostgresDestination, query: Query, stages: Stages
) -> None:
    load(destination, plan(), rows((1, "a")))
    attempt = destination.open_load(plan())
    attempt.stage(rows((2, "b")))
    attempt.stage(rows((3, "c")))
    attempt.stage(rows((4, "d")))  # the first one is there when the third is taken
    (stage,) = stages()
    assert query(f"SELECT relpersistence::text FROM pg_class WHERE relname = '{stage}'") == [("u",)]
    attempt.discard()


def test_a_table_that_others_make_meanwhile_is_not_replaced(
    destination: PostgresDestination, query: Query, orders: Orders
) -> None:
    attempt = destination.open_load(plan(WriteMode.APPEND))
    attempt.stage(rows((2, "b")))
    load(destination, plan(WriteMode.APPEND, run_id="other", pipeline="other"), rows((1, "a")))
    assert attempt.publish(CHECKPOINT) == 1
    assert orders() == [(1, "a"), (2, "b")]


def test_discard_after_publish_does_nothing(destination: PostgresDestination, orders: Orders) -> None:
    attempt = destination.open_load(plan())
    attempt.stage(rows((1, "a")))
    attempt.publish(CHECKPOINT)
    attempt.discard()
    assert orders() == [(1, "a")]


def test_a_crash_between_stage_and_publish_leaves_nothing_behind(
    destination: PostgresDestination, orders: Orders, stages: Stages
) -> None:
    # Neither published nor discarded: what a process leaves that is killed.
    crashed = [
        destination.open_load(plan(run_id="crashed")),
        destination.open_load(plan(stream="other", table="other", run_id="crashed")),
    ]
    for attempt in crashed:
        for number in range(3):  # the first one is there when the third is taken
            attempt.stage(rows((number, "lost")))
    assert len(stages()) == 2
    assert destination.state("user-analytics", "orders") is None
    assert load(destination, plan(), rows((1, "a"))) == 1
    assert orders() == [(1, "a")]
    # Another stream's staging table is not this stream's to remove.
    assert len(stages()) == 1


def test_teardown_discards_what_is_still_being_written(
    postgres: DatabaseServer, database: str, stages: Stages
) -> None:
    config = {"connection": postgres.connection_string(database), "schema": "loaded"}
    for _ in range(5):
        with open_connector(PostgresDestination, config) as destination:
            many = rows(*((number, "x" * 100) for number in range(20_000)))
            destination.open_load(plan()).stage(many)
        # Other connections are not touched by what was left to write.
        assert stages() == []


def test_a_second_load_of_a_stream_takes_over_from_the_first(
    destination: PostgresDestination, orders: Orders
) -> None:
    first = destination.open_load(plan(run_id="first"))
    for number in (1, 2, 3):  # the first one is there when the third is taken
        first.stage(rows((number, "first")))
    second = destination.open_load(plan(run_id="second"))
    second.stage(rows((1, "second")))
    with pytest.raises(FatalError) as caught:
        first.publish(CHECKPOINT)
    assert caught.value.code == "table.missing"
    assert second.publish(CHECKPOINT) == 1
    assert orders() == [(1, "second")]


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_failed_publish_changes_nothing(
    destination: PostgresDestination, run: Run, orders: Orders, mode: WriteMode
) -> None:
    load(destination, plan(), rows((1, "a"), (2, "b")))
    # The last statement of the transaction fails: rows were written before it, the checkpoint is not stored.
    run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON loaded._acme_checkpoints EXECUTE FUNCTION refuse()",
    )
    what = plan(mode, primary_key=("id",), run_id="run-2")
    later = StreamState("user-analytics", "orders", NOW + timedelta(days=1), "id", "9", "run-2")
    with pytest.raises(FatalError, match="no more"):
        load(destination, what, rows((2, "B"), (3, "c")), checkpoint=later)
    assert orders() == [(1, "a"), (2, "b")]
    assert destination.state("user-analytics", "orders") == CHECKPOINT
    run("DROP TRIGGER refuse ON loaded._acme_checkpoints")
    load(destination, what, rows((2, "B"), (3, "c")), checkpoint=later)
    assert destination.state("user-analytics", "orders") == later


def test_readers_see_the_old_rows_until_the_new_ones_are_all_there(
    postgres: DatabaseServer, database: str, destination: PostgresDestination, orders: Orders
) -> None:
    load(destination, plan(), rows((1, "a")))
    with psycopg.connect(postgres.connection_string(database)) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT 1")
        load(destination, plan(WriteMode.OVERWRITE), rows((2, "b")))
        assert reader.execute("SELECT id FROM loaded.orders").fetchall() == [(1,)]
    assert orders() == [(2, "b")]


def test_a_lost_connection_is_retriable(destination: PostgresDestination, run: Run, orders: Orders) -> None:
    attempt = destination.open_load(plan())
    attempt.stage(rows((1, "a")))
    run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'acme-connectors'"
    )
    with pytest.raises(RetriableError) as caught:
        attempt.publish(CHECKPOINT)
    assert caught.value.code == "server.gone"
    attempt.discard()
    assert load(destination, plan(), rows((1, "a"))) == 1
    assert orders() == [(1, "a")]


def test_rows_at_the_boundary_are_not_added_again(destination: PostgresDestination, orders: Orders) -> None:
    what = {"primary_key": ("id", "note"), "cursor_field": "id"}
    load(destination, plan(**what), rows((1, "a"), (2, "b"), (2, "c")))
    again = rows((2, "b"), (2, "c"), (2, "late"), (3, "d"))
    assert load(destination, plan(**what, resumed_from="2"), again) == 2
    assert orders() == [(1, "a"), (2, "b"), (2, "c"), (2, "late"), (3, "d")]


def test_rows_at_the_boundary_are_counted_where_there_is_no_key(
    destination: PostgresDestination, orders: Orders
) -> None:
    what = {"cursor_field": "id"}
    load(destination, plan(**what), rows((1, "x"), (2, None), (2, None)))
    again = rows((2, None), (2, None), (2, None), (2, "new"), (3, "y"), (3, "y"))
    assert load(destination, plan(**what, resumed_from="2"), again) == 4
    assert orders() == [(1, "x"), (2, "new"), (2, None), (2, None), (2, None), (3, "y"), (3, "y")]


def test_rows_of_the_overlap_are_not_added_again(destination: PostgresDestination, query: Query) -> None:
    def days(*rows: tuple[int, int]) -> pa.RecordBatch:
        ids, at = zip(*rows, strict=True)
        return pa.RecordBatch.from_pydict({"id": ids, "at": at})

    what = {"primary_key": ("id",), "cursor_field": "at"}
    load(destination, plan(**what), days((1, 1), (2, 2), (3, 3), (4, 4)))
    # Late: 5. In a new version: 3. Twice, and held: 4. Below the overlap, which no source would send: 1.
    again = days((2, 2), (5, 2), (3, 5), (4, 4), (4, 4), (1, 1))
    assert load(destination, plan(**what, resumed_from="2"), again) == 3
    assert query("SELECT id, at FROM loaded.orders ORDER BY id, at") == [
        (1, 1), (1, 1), (2, 2), (3, 3), (3, 5), (4, 4), (5, 2),
    ]  # fmt: skip


def test_rows_of_the_overlap_without_a_key_and_with_a_cursor_of_text(
    destination: PostgresDestination, orders: Orders
) -> None:
    what = {"cursor_field": "note"}
    # By its bytes "Z" is lower than "a", unlike in most collations.
    load(destination, plan(**what), rows((1, "Z"), (2, "a"), (3, "b"), (3, "b"), (4, None)))
    again = rows((2, "a"), (3, "b"), (3, "b"), (3, "b"), (4, None), (1, "Z"))
    assert load(destination, plan(**what, resumed_from="a"), again) == 3
    assert sorted(orders(), key=str) == [
        (1, "Z"), (1, "Z"), (2, "a"), (3, "b"), (3, "b"), (3, "b"), (4, None), (4, None),
    ]  # fmt: skip


def test_rows_at_the_boundary_of_a_time_in_another_schema(
    destination: PostgresDestination, query: Query
) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1, 2]), pa.array([NOW, NOW])], ["id", "at"])
    what = {"cursor_field": "at", "primary_key": ("id",), "table": "elsewhere.t"}
    assert load(destination, plan(**what), batch.slice(0, 1)) == 1
    assert load(destination, plan(**what, resumed_from="2026-02-15T10:28:00.000000Z"), batch) == 1
    assert query("SELECT id FROM elsewhere.t ORDER BY id") == [(1,), (2,)]
    assert query("SELECT count(*) FROM loaded._acme_checkpoints") == [(1,)]


def test_hostile_names(destination: PostgresDestination, query: Query) -> None:
    name = 'x"; DROP TABLE y; --%s{}'
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array(["a"])], [name, "ünï 😀"])
    what = plan(
        WriteMode.UPSERT,
        pipeline="p'; --",
        stream='s"\\',
        table=f"loaded.{name}",
        primary_key=(name,),
        run_id="../../x",
    )
    checkpoint = StreamState("p'; --", 's"\\', NOW)
    assert load(destination, what, batch, checkpoint=checkpoint) == 1
    assert load(destination, what, batch, checkpoint=checkpoint) == 1
    quoted = name.replace('"', '""')
    assert query(f'SELECT * FROM loaded."{quoted}"') == [(1, "a")]
    assert destination.state("p'; --", 's"\\') == checkpoint


@pytest.mark.parametrize("name", ["int); DROP TABLE x; --", "int, b int", "no_such_type", "record", ""])
def test_an_opaque_type_that_is_none_here_becomes_text(
    destination: PostgresDestination, query: Query, name: str
) -> None:
    column = pa.ExtensionArray.from_storage(pa.opaque(pa.string(), name, "PostgreSQL"), pa.array(["1"]))
    load(destination, plan(), pa.RecordBatch.from_arrays([column], ["v"]))
    assert query("SELECT v FROM loaded.orders") == [("1",)]


def test_a_user_with_no_right_to_create_schemas(
    postgres: DatabaseServer, database: str, run: Run, query: Query
) -> None:
    user = f"loader_{database}"
    run(
        f"CREATE ROLE {user} LOGIN PASSWORD 'loader'",
        "CREATE SCHEMA loaded",
        f"GRANT USAGE, CREATE ON SCHEMA loaded TO {user}",
    )
    config = {"host": postgres.host, "port": postgres.port, "database": database, "user": user}
    config |= {"password": "loader", "schema": "loaded"}
    with open_connector(PostgresDestination, config) as guest:
        assert load(guest, plan(), rows((1, "a"))) == 1
        with pytest.raises(FatalError) as caught:
            load(guest, plan(table="forbidden.t"), rows((1, "a")))
    assert caught.value.code == "permission.denied"
    assert query("SELECT count(*) FROM loaded.orders") == [(1,)]


def test_load_takes_rows(postgres: DatabaseServer, database: str, query: Query) -> None:
    config = {"connection": postgres.connection_string(database), "table": "t", "primary_key": ["id"]}
    identity = UUID("8d3cdcb5-96b5-4a63-8f47-3a1ba8a3a2e5")
    first = [
        Row({"id": 1, "at": NOW, "u": identity, "tags": ["a", 1]}),
        Row({"id": 2, "more": Decimal("1.5")}),
    ]
    with open_connector(PostgresDestination, config) as destination:
        assert destination.load(first, WriteMode.OVERWRITE) == 2
        assert destination.load([Row({"id": 2, "more": Decimal("2.5")})], WriteMode.UPSERT) == 1
        assert destination.load([], WriteMode.APPEND) == 0
        assert query("SELECT id, at, u, tags, more FROM t ORDER BY id") == [
            (1, NOW, identity, ["a", 1], None),
            (2, None, None, None, Decimal("2.5")),
        ]
        assert destination.load([], WriteMode.OVERWRITE) == 0
    assert query("SELECT count(*) FROM t") == [(0,)]


def test_load_needs_a_table(destination: PostgresDestination) -> None:
    with pytest.raises(ConfigurationError, match="table"):
        destination.load([Row({"id": 1})], WriteMode.APPEND)
