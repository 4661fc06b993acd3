"""Batches in a form of the source's own: taken as they are where they are understood, decoded elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import duckdb
import pyarrow as pa
import pytest

from acme_sdk import BatchSource, Load, LoadPlan, StagedDestination, Stream, StreamState, WriteMode
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.encoded import EncodedBatch
from acme_sdk.lifecycle import open_connector
from acme_sdk.policy import SchemaPolicy
from acme_sdk.sync import StreamPlan, sync_stream

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string())])


class Lines(EncodedBatch):
    """Records as lines of text, which counts how often it is decoded."""

    encoding = "test.lines"
    schema = SCHEMA
    decodings = 0

    def __init__(self, text: str) -> None:
        self.text = text
        self.num_rows = text.count("\n")
        self.nbytes = len(text)

    def column(self, name: str) -> pa.Array:
        position = SCHEMA.get_field_index(name)
        values = [line.split(",")[position] for line in self.text.splitlines()]
        return pa.array(values).cast(SCHEMA.field(name).type)

    def decode(self) -> pa.RecordBatch:
        type(self).decodings += 1
        return pa.RecordBatch.from_arrays([self.column(name) for name in SCHEMA.names], schema=SCHEMA)


class LineSource(BatchSource):
    def streams(self) -> list[Stream]:
        return [Stream("lines", SCHEMA, ("id",), "id")]

    def extract_batches(self, stream: Stream, resume_from: str | None = None) -> Iterator[EncodedBatch]:
        yield Lines("1,one\n2,two\n")
        yield Lines("3,three\n")


class Memory(StagedDestination):
    """Keeps what its loads are given."""

    staged: ClassVar[list[object]] = []
    encodings: ClassVar[frozenset[str]] = frozenset()

    def open_load(self, plan: LoadPlan) -> Load:
        return MemoryLoad(self.encodings)

    def state(self, pipeline: str, stream: str) -> StreamState | None:
        return None

    def finish_refresh(self, plan: LoadPlan, state: StreamState) -> int:
        raise NotImplementedError


class MemoryLoad(Load):
    def __init__(self, encodings: frozenset[str]) -> None:
        self.encodings = encodings  # type: ignore[misc] - of one load, to try both

    def stage(self, batch: object) -> None:
        Memory.staged.append(batch)

    def publish(self, checkpoint: StreamState) -> int:
        return 0

    def discard(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Memory.staged, Lines.decodings = [], 0


def test_a_load_that_knows_the_form_is_given_it_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Memory, "encodings", frozenset({"test.lines"}))
    result = sync_stream(LineSource(), Memory(), StreamPlan("p"))
    assert [type(batch) for batch in Memory.staged] == [Lines, Lines]
    assert Lines.decodings == 0
    assert (result.rows, result.cursor, result.schema) == (3, "3", SCHEMA)


def test_a_load_that_does_not_know_the_form_is_given_columns() -> None:
    sync_stream(LineSource(), Memory(), StreamPlan("p"))
    assert [type(batch) for batch in Memory.staged] == [pa.RecordBatch, pa.RecordBatch]
    assert Lines.decodings == 2


@pytest.mark.parametrize("policy", list(SchemaPolicy))
def test_every_policy_lets_known_columns_by_undecoded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, policy: SchemaPolicy
) -> None:
    monkeypatch.setattr(Memory, "encodings", frozenset({"test.lines"}))
    plan = StreamPlan("p", on_schema_change=policy)
    sync_stream(LineSource(), Memory(), plan, rejected_folder=tmp_path)
    assert Lines.decodings == 0


def test_rows_of_the_form_reach_a_table(tmp_path: Path) -> None:
    path = tmp_path / "out.duckdb"
    with open_connector(DuckDBDestination, {"path": str(path)}, name="out") as destination:
        sync_stream(LineSource(), destination, StreamPlan("p", write_mode=WriteMode.UPSERT))
    with duckdb.connect(str(path)) as connection:
        rows = connection.execute("FROM lines ORDER BY id").fetchall()
    assert rows == [(1, "one"), (2, "two"), (3, "three")]


def test_extract_yields_rows_of_the_form() -> None:
    assert [dict(row) for row in LineSource().extract()][2] == {"id": 3, "name": "three"}
