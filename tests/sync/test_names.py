"""Names that a destination cannot hold: what they become, and that no two become one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from acme_sdk import ConfigurationError, DestinationConnector, Row, WriteMode, open_connector
from acme_sdk.connectors.bigquery import BigQueryDestination
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.connectors.parquet import ParquetDestination
from acme_sdk.connectors.postgres import PostgresDestination, PostgresSource
from acme_sdk.destination import StagedDestination
from acme_sdk.encoded import EncodedBatch
from acme_sdk.names import NameRule
from acme_sdk.sync import FileStateStore, StreamPlan, sync_stream
from acme_sdk.sync.names import ColumnNames
from tests.servers import DatabaseServer
from tests.sync.rows import Rows

DESTINATIONS = (PostgresDestination, DuckDBDestination, BigQueryDestination, ParquetDestination)
RULES = [
    rule
    for kind in DESTINATIONS
    for rule in (kind.column_names, kind.table_names, kind.schema_names, NameRule(20, "characters"))
]
ODD = [
    *("", "select", "Order ID", "größe", "a.b", "\0", "x" * 200, "ü" * 200, "🚲", "ctid", "_acme_row", " a "),
    *(
        "_PARTITIONTIME",
        "_table_x",
        'a"b',
        "a`b",
        "a\\b",
        "a\nb",
        "../x",
        "_",
        ".",
        "'; --",
        "%s",
        "{}",
        "a b",
    ),
]
NAMES = st.sampled_from(ODD) | st.text(max_size=80)


class Kept(DestinationConnector):
    """Keeps the rows that it was given."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def load(self, rows: list[Row], write_mode: WriteMode) -> int:
        self.rows += rows
        return len(rows)

    def health_check(self) -> bool:
        return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.duckdb"


@pytest.fixture
def warehouse(path: Path) -> Iterator[DuckDBDestination]:
    with open_connector(DuckDBDestination, {"path": str(path)}) as destination:
        yield destination


@pytest.fixture
def database(postgres: DatabaseServer) -> str:
    return postgres.create_database()


def columns(path: Path, table: str = "rows") -> list[str]:
    with duckdb.connect(str(path), read_only=False) as connection:
        described = connection.execute(f'DESCRIBE "{table}"').fetchall()
    return [name for name, *_ in described]


@pytest.mark.parametrize("rule", RULES)
@given(st.text() | NAMES)
def test_safe_names_are_allowed_and_always_the_same(rule: NameRule, name: str) -> None:
    safe = rule.safe(name)
    assert rule.problem(safe) is None
    assert rule.safe(safe) == safe == rule.safe(name)
    assert (safe == name) == (rule.problem(name) is None)
    assert rule.problem(rule.fitted(safe * 50)) in (None, rule.problem(safe[0] * 2))


@given(st.lists(NAMES, unique=True), st.sampled_from(RULES))
def test_names_lead_back_to_their_columns(names: list[str], rule: NameRule) -> None:
    known = ColumnNames("rows", rule)
    if collide(rule, names):
        with pytest.raises(ConfigurationError, match="would both be"):
            list(map(known.of, names))
        return
    targets = {known.of(name): name for name in names}
    assert len({rule.folded(target) for target in targets}) == len(names)
    assert {source: target for target, source in targets.items() if source != target} == known.changed
    assert [ColumnNames("rows", rule).of(name) for name in names] == list(targets)


def collide(rule: NameRule, names: list[str]) -> bool:
    return len({rule.folded(rule.safe(name)) for name in names}) < len(names)


def is_held(destination: StagedDestination, source: Rows, plan: StreamPlan) -> Mapping[str, str] | None:
    """Sync rows and return the columns' names; ``None`` where two would be one."""
    if collide(destination.column_names, list(source.rows[0])):
        with pytest.raises(ConfigurationError, match="would both be"):
            sync_stream(source, destination, plan, full_refresh=True)
        return None
    result = sync_stream(source, destination, plan, full_refresh=True)
    return {name: result.names.get(name, name) for name in result.schema.names}


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True), NAMES)
@example(ODD, "größe.a.b")
@example(["id"], "\0")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_real_destinations_hold_any_names(
    tmp_path: Path,
    warehouse: DuckDBDestination,
    postgres: DatabaseServer,
    database: str,
    names: list[str],
    stream: str,
) -> None:
    url = postgres.connection_string(database)
    row = dict(zip(names, range(len(names)), strict=True))
    source = Rows(row, name=stream or "rows")
    folder = Path(mkdtemp(dir=tmp_path))
    with open_connector(ParquetDestination, {"path": str(folder)}) as lake:
        is_held(lake, source, StreamPlan("shop"))
        if held := is_held(lake, source, StreamPlan("other", table="t")):
            assert pq.read_table(folder / "t").to_pylist() == [{held[n]: row[n] for n in names}]
    is_held(warehouse, source, StreamPlan("shop"))
    if held := is_held(warehouse, source, StreamPlan("shop", table="t")):
        with warehouse._open().cursor() as cursor:
            assert cursor.execute("FROM t").to_arrow_table().to_pylist() == [{held[n]: row[n] for n in names}]
    with open_connector(PostgresDestination, {"connection": url}) as destination:
        is_held(destination, source, StreamPlan("shop"))
        if held := is_held(destination, source, StreamPlan("shop", table="t")):
            listed = ", ".join('"' + held[name].replace('"', '""') + '"' for name in names)
            found = postgres.query(database, f"SELECT {listed} FROM t")
            assert found == [tuple(row.values())]


def test_a_name_that_comes_later_must_not_be_taken(warehouse: DuckDBDestination, path: Path) -> None:
    plan = StreamPlan("shop", table="rows", write_mode=WriteMode.APPEND)
    sync_stream(Rows({"": 1, "id": 1}), warehouse, plan)
    for name in ("ID", warehouse.column_names.safe("")):
        with pytest.raises(ConfigurationError, match="would both be") as caught:
            sync_stream(Rows({"": 2, "id": 2}, {"id": 3, name: 3}), warehouse, plan)
        assert caught.value.code == "name.collision"
        assert repr(name) in caught.value.message
    renamed = StreamPlan("shop", table="rows", write_mode=WriteMode.APPEND, columns={"ID": "other_id"})
    result = sync_stream(Rows({"id": 2, "ID": 2}), warehouse, renamed)
    assert result.names == {"": warehouse.column_names.safe(""), "ID": "other_id"}
    warehouse.teardown()
    assert columns(path) == [warehouse.column_names.safe(""), "id", "other_id"]


def test_a_collision_is_found_before_anything_is_read(warehouse: DuckDBDestination, path: Path) -> None:
    source = Rows(schema=pa.schema({"id": pa.int64(), "ID": pa.int64()}))
    source.extract = lambda last_run=None: pytest.fail("it was read")  # type: ignore[method-assign]
    with pytest.raises(ConfigurationError, match="the columns 'id' and 'ID' would both be") as caught:
        sync_stream(source, warehouse, StreamPlan("shop"))
    assert caught.value.code == "name.collision"
    assert not path.exists()


def test_key_and_cursor_are_given_as_the_source_names_them(postgres: DatabaseServer, database: str) -> None:
    key, cursor = "k" * 70, "at\0"
    plan = StreamPlan("shop", write_mode=WriteMode.UPSERT, primary_key=(key,), cursor_field=cursor)
    config = {"connection": postgres.connection_string(database)}
    with open_connector(PostgresDestination, config) as destination:
        sync_stream(Rows({key: 1, cursor: 1}, {key: 2, cursor: 1}), destination, plan)
        result = sync_stream(Rows({key: 2, cursor: 2}), destination, plan)
        state = destination.state("shop", "rows")
    safe = PostgresDestination.column_names.safe(key)
    assert result.names == {key: safe, cursor: "at_"}
    assert (result.cursor_field, result.cursor) == (cursor, "2")
    assert state is not None
    assert state.details is not None
    assert state.details["names"] == result.names
    assert postgres.query(database, f'SELECT "{safe}", at_ FROM rows ORDER BY 1') == [(1, 1), (2, 2)]


def test_a_loaded_column_keeps_its_name(warehouse: DuckDBDestination) -> None:
    plan = StreamPlan("shop", table="rows", write_mode=WriteMode.APPEND)
    sync_stream(Rows({"Order ID": 1}), warehouse, plan)
    named = StreamPlan("shop", table="rows", write_mode=WriteMode.APPEND, columns={"Order ID": "order_id"})
    with pytest.raises(
        ConfigurationError, match="'Order ID' in the target, and would be 'order_id'"
    ) as caught:
        sync_stream(Rows({"Order ID": 2}), warehouse, named)
    assert caught.value.code == "name.changed"
    assert sync_stream(Rows({"Order ID": 2}), warehouse, named, full_refresh=True).loaded == 1
    assert sync_stream(Rows({"Order ID": 3}), warehouse, named).names == {"Order ID": "order_id"}
    for wrong, code in (({"Order ID": ""}, "name.invalid"), ({"Order Id": "x"}, "column.unknown")):
        source = Rows(schema=pa.schema({"Order ID": pa.int64()}))
        with pytest.raises(ConfigurationError) as caught:
            sync_stream(source, warehouse, StreamPlan("shop", columns=wrong))
        assert caught.value.code == code


def test_a_destination_of_rows_is_given_the_names_of_the_pipeline(tmp_path: Path) -> None:
    destination = Kept()
    plan = StreamPlan("shop", columns={"Order ID": "order_id"})
    result = sync_stream(
        Rows({"Order ID": 1, "": 2}, {"": 3}), destination, plan, state=FileStateStore(tmp_path)
    )
    assert destination.rows == [{"order_id": 1, "": 2}, {"": 3}]
    assert result.names == {"Order ID": "order_id"}


def test_two_streams_do_not_share_a_table(warehouse: DuckDBDestination) -> None:
    with pytest.raises(ConfigurationError, match="'Orders' and 'orders'") as caught:
        sync_stream(Rows({"id": 1}, name="Orders"), warehouse, StreamPlan("shop", beside=("orders",)))
    assert caught.value.code == "name.collision"
    assert sync_stream(Rows({"id": 1}, name="_acme_ x"), warehouse, StreamPlan("shop")).table == "x__acme_ x"


def test_blocks_pass_undecoded_whether_names_change_or_not(
    postgres: DatabaseServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.execute(database, 'CREATE TABLE orders AS SELECT 1 AS id, $$a$$ AS "Größe"')
    config = {"connection": postgres.connection_string(database)}
    passed: list[EncodedBatch] = []
    with (
        open_connector(PostgresSource, config) as source,
        open_connector(PostgresDestination, {**config, "schema": "copy"}) as destination,
    ):
        for kind in EncodedBatch.__subclasses__():
            monkeypatch.setattr(kind, "decode", lambda _: pytest.fail("it was decoded"), raising=False)
        sync_stream(source, destination, StreamPlan("shop", "public.orders", "t"), on_batch=passed.append)
        renamed = StreamPlan("shop", "public.orders", "u", columns={"Größe": "size"})
        sync_stream(source, destination, renamed, full_refresh=True)
    [block] = passed
    assert ColumnNames("orders", PostgresDestination.column_names).apply(block) is block
    assert postgres.query(database, "SELECT * FROM copy.t") == [(1, "a")]
    assert postgres.query(database, "SELECT id, size FROM copy.u") == [(1, "a")]
