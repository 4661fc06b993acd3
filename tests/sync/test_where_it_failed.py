"""Where in a stream an error was: the batch, though later ones are read meanwhile, the column, the row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from acme.sdk import AcmeError, BatchSource, StagedDestination, Stream, WriteMode, open_connector
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.connectors.parquet import ParquetDestination
from acme_sdk.connectors.postgres import PostgresDestination
from acme_sdk.sync import StreamPlan, sync_stream
from tests.servers import DatabaseServer


@dataclass
class Batches(BatchSource):
    """Some batches as they are; after the first one, something else happens."""

    batches: list[pa.RecordBatch]
    meanwhile: Callable[[], object] = lambda: None

    def streams(self) -> list[Stream]:
        return [Stream("orders")]

    def extract_batches(self, stream: Stream, cursor: str | None = None) -> Iterator[pa.RecordBatch]:
        yield self.batches[0]
        self.meanwhile()
        yield from self.batches[1:]


def batch(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def json_batch(*texts: str) -> pa.RecordBatch:
    """A batch of JSON, valid or not."""
    doc = pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts, pa.string()))
    return pa.RecordBatch.from_arrays([pa.array(range(len(texts))), doc], ["id", "doc"])


def failure(destination: StagedDestination, source: BatchSource, mode: WriteMode = WriteMode.APPEND) -> str:
    """Sync, which fails, and return what the error says."""
    plan = StreamPlan("shop", stream="orders", table="orders", write_mode=mode, primary_key=("id",))
    with pytest.raises(AcmeError) as caught:
        sync_stream(source, destination, plan)
    return caught.value.message


@pytest.fixture
def database(postgres: DatabaseServer) -> str:
    return postgres.create_database()


@pytest.fixture
def target(postgres: DatabaseServer, database: str) -> Iterator[PostgresDestination]:
    with open_connector(PostgresDestination, {"connection": postgres.connection_string(database)}) as opened:
        yield opened


GOOD = '{"a": "one\\nline"}'


@pytest.mark.parametrize("wrong", [1, 2, 5, 8])
def test_postgres_names_the_batch_that_it_cannot_read(target: PostgresDestination, wrong: int) -> None:
    batches = [json_batch(GOOD, GOOD, GOOD) for _ in range(8)]
    batches[wrong - 1] = json_batch(GOOD, "{secret", GOOD)
    message = failure(target, Batches(batches))
    row = 3 * (wrong - 1) + 2
    assert message.startswith(f"stream 'orders', batch {wrong}, column 'doc', row {row}: ")
    assert "secret" not in message


def test_lines_within_values_do_not_lead_postgres_astray(target: PostgresDestination) -> None:
    lines = "[\n\n1]"
    batches = [
        json_batch(lines, lines),
        json_batch(GOOD, GOOD),
        json_batch(GOOD, "x"),
        json_batch(lines, "x"),
    ]
    assert failure(target, Batches(batches)).startswith("stream 'orders', batch 3, column 'doc', row 6: ")
    # Among values of several lines, the row is not known.
    batches[2] = json_batch(GOOD)
    assert failure(target, Batches(batches)).startswith("stream 'orders', batch 4, column 'doc': ")


def test_postgres_names_the_batch_with_a_nul(target: PostgresDestination) -> None:
    batches = [batch(id=[n], note=["a\0b" if n == 3 else "a"]) for n in range(8)]
    assert failure(target, Batches(batches)).startswith("stream 'orders', batch 4, column 'note', row 4: ")


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.OVERWRITE, WriteMode.UPSERT])
@pytest.mark.parametrize(
    ("column", "value", "where"),
    [
        ("v varchar(3)", "long", "column 'v': a value does not fit its column: value too long"),
        ("v varchar(9) NOT NULL", None, "column 'v': a row violates a constraint: null value in column"),
        ("v varchar(9) CHECK (v <> 'no')", "no", "column 'v': a row violates a constraint: new row for"),
        ("v varchar(9) UNIQUE", "ok", "column 'v': a row violates a constraint: duplicate key"),
        ("v smallint", 40_000, "column 'v': a value does not fit its column: smallint out of range"),
        ("v numeric(3)", 40_000, "column 'v': a value does not fit its column: numeric field overflow"),
        ("v integer CHECK (v + id < 9)", 9, "columns 'id', 'v': a row violates a constraint: new row for"),
    ],
)
def test_postgres_names_the_column_that_the_target_refuses(
    postgres: DatabaseServer,
    target: PostgresDestination,
    database: str,
    column: str,
    value: Any,
    where: str,
    mode: WriteMode,
) -> None:
    postgres.execute(database, f"CREATE TABLE orders (id bigint, {column})")
    good = 1 if isinstance(value, int) else "ok"
    batches = [batch(id=[n], v=[value if n == 2 else good]) for n in range(3)]
    message = failure(target, Batches(batches), mode)
    # Nobody knows which batch it came with.
    assert message.startswith(f"stream 'orders', {where}")
    assert "long'" not in message


@pytest.mark.parametrize("kind", ["duckdb", "parquet"])
def test_the_batch_is_named_whose_types_do_not_fit(tmp_path: Path, kind: str) -> None:
    destinations: dict[str, type[StagedDestination]] = {
        "duckdb": DuckDBDestination,
        "parquet": ParquetDestination,
    }
    batches = [batch(id=[n], v=["text" if n == 3 else n]) for n in range(8)]
    with open_connector(destinations[kind], {"path": str(tmp_path / "target")}) as opened:
        message = failure(opened, Batches(batches))
    assert message.startswith("stream 'orders', batch 4: column 'v' ")


def test_parquet_names_the_batch_whose_file_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "lake"
    config = {"path": str(path), "row_group_rows": 1}
    # From the fourth batch on there is another column, and thus another file.
    batches = [batch(id=[n]) if n < 3 else batch(id=[n], v=[n]) for n in range(8)]

    def occupy() -> None:
        [data] = path.rglob("next")
        (data / "data" / "00000001-0002.parquet").mkdir(parents=True)

    with open_connector(ParquetDestination, config) as opened:
        message = failure(opened, Batches(batches, occupy))
    assert message.startswith("stream 'orders', batch 4: table orders: ")


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.UPSERT])
@pytest.mark.parametrize(
    ("column", "value", "where"),
    [
        ("v VARCHAR NOT NULL", None, "NOT NULL constraint failed: orders.v"),
        (
            "v VARCHAR CHECK (v <> 'no')",
            "no",
            "CHECK constraint failed on table orders with expression CHECK",
        ),
        ("v VARCHAR UNIQUE", "ok", "column 'v': two rows have the same value"),
    ],
)
def test_duckdb_names_the_column_that_the_target_refuses(
    tmp_path: Path, column: str, value: Any, where: str, mode: WriteMode
) -> None:
    path = str(tmp_path / "shop.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute(f"CREATE TABLE orders (id BIGINT, {column})")
    batches = [batch(id=[n], v=[value if n == 2 else "ok"]) for n in range(3)]
    with open_connector(DuckDBDestination, {"path": path}) as opened:
        message = failure(opened, Batches(batches), mode)
    assert message.startswith("stream 'orders': table orders")
    assert where in message
    assert '"ok"' not in message
