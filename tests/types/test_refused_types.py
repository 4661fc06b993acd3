"""Columns that a destination cannot have are refused by name, before anything is read or made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pyarrow as pa
import pytest

from acme_sdk import BatchSource, FatalError, Stream, open_connector
from acme_sdk.sync import StreamPlan, sync_stream
from tests.bigquery.emulator import Emulator
from tests.servers import DatabaseServer
from tests.types.targets import Target, bigquery_target, duckdb_target, parquet_target, postgres_target

INTERVAL = pa.month_day_nano_interval()
UNION = pa.dense_union([pa.field("a", pa.int8()), pa.field("b", pa.string())])
WIDE = pa.decimal256(76, 0)


class NeverRead(BatchSource):
    """Has a stream that nobody may read."""

    schema = pa.schema([])

    def streams(self) -> list[Stream]:
        return [Stream("odd", self.schema)]

    def extract_batches(self, stream: Stream, resume_from: str | None = None) -> Iterator[pa.RecordBatch]:
        raise AssertionError("it was read")


Opener = Callable[[str], AbstractContextManager[Target]]


@pytest.fixture
def opened(postgres: DatabaseServer, emulator: Emulator, tmp_path: Path) -> Opener:
    return lambda name: {
        "Postgres": lambda: postgres_target(postgres, printed=False),
        "DuckDB": lambda: duckdb_target(tmp_path, printed=False),
        "BigQuery": lambda: bigquery_target(emulator),
        "Parquet": lambda: parquet_target(tmp_path),
    }[name]()


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("Postgres", INTERVAL),
        ("DuckDB", UNION),
        ("DuckDB", pa.list_(pa.decimal128(5, -2))),
        ("DuckDB", pa.struct({"a": pa.list_(WIDE)})),
        ("BigQuery", INTERVAL),
        ("BigQuery", WIDE),
        ("Parquet", INTERVAL),
        ("Parquet", UNION),
    ],
    ids=str,
)
def test_a_type_that_a_destination_lacks(opened: Opener, target: str, kind: pa.DataType) -> None:
    error = refusal(opened, target, pa.schema({"id": pa.int64(), "odd_one": kind}))
    assert error.code == "type.unsupported"
    assert error.message.startswith("stream 'odd': column 'odd_one': ")
    assert str(kind) in error.message


def refusal(opened: Opener, target: str, schema: pa.Schema) -> FatalError:
    """What a sync of these columns raises; nothing is read, nothing made."""
    with opened(target) as into, open_connector(NeverRead, {}) as source:
        source.schema = schema
        with pytest.raises(FatalError) as caught:
            sync_stream(source, into.connector, StreamPlan("types", "odd"))
        assert into.tables() == set()
    return caught.value


def test_decimals_whose_digits_end_before_the_point(opened: Opener) -> None:
    with opened("DuckDB") as into, open_connector(Hundreds, {}) as source:
        sync_stream(source, into.connector, StreamPlan("types", "hundreds"))
        found = into.read("hundreds")["x"]
    assert (found.type, list(map(str, found.values))) == ("DECIMAL(7,0)", ["12300", "-100"])


class Hundreds(BatchSource):
    """Has numbers of so many hundreds."""

    def streams(self) -> list[Stream]:
        return [Stream("hundreds")]

    def extract_batches(self, stream: Stream, resume_from: str | None = None) -> Iterator[pa.RecordBatch]:
        numbers = pa.array(["12300", "-100"]).cast(pa.decimal128(7, 0)).cast(pa.decimal128(5, -2))
        yield pa.RecordBatch.from_arrays([pa.array([1, 2]), numbers], ["n", "x"])
