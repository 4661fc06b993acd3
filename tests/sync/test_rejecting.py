"""Records that are put aside, and what happens to columns that are new or wider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest

from acme_sdk import (
    BatchSource,
    Checkpoint,
    ConfigurationError,
    DestinationConnector,
    FatalError,
    Partition,
    Position,
    Row,
    SourceConnector,
    Stream,
    WriteMode,
    open_connector,
)
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.policy import SchemaPolicy
from acme_sdk.secrets import Redactor
from acme_sdk.sync import CommitInterval, FileStateStore, StreamPlan, SyncResult, sync_stream


class Rejecting(SourceConnector):
    """Yields what a test put in; rejects what is ``bad``."""

    def __init__(self, *rows: dict[str, Any], parts: int = 0, swallows: bool = False) -> None:
        self.rows = rows
        self.parts = parts
        self.swallows = swallows

    def partitions(self, stream: Stream) -> list[Partition]:
        return [Partition(str(number)) for number in range(self.parts)]

    def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
        for number, row in enumerate(self.rows):
            if not row.get("bad"):
                yield Row(row)
                continue
            try:
                self.reject(row, "the token hunter2 is no number")
            except FatalError:
                if not self.swallows:
                    raise
            yield Checkpoint({"next": number})


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path


def sync(
    workspace: Path, source: SourceConnector, mode: WriteMode = WriteMode.APPEND, **fields: Any
) -> SyncResult:
    plan = StreamPlan("shop", table="t", write_mode=mode, **fields)
    with open_connector(DuckDBDestination, {"path": str(workspace / "w.duckdb")}) as destination:
        return sync_stream(
            source,
            destination,
            plan,
            run_id="run/1",
            rejected_folder=workspace / "rejected",
            redactors=[Redactor(["hunter2"]), Redactor(["swordfish"])],
            commit_interval=CommitInterval(rows=1),
        )


def stored(workspace: Path) -> list[Any]:
    with duckdb.connect(str(workspace / "w.duckdb")) as connection:
        return connection.execute("FROM t ORDER BY ALL").fetchall()


def letters(result: SyncResult) -> list[dict[str, Any]]:
    assert result.rejected_file is not None
    return [json.loads(line) for line in result.rejected_file.read_text().splitlines()]


BAD = {
    "id": b"\x00",
    "bad": True,
    "when": datetime(2026, 1, 1, tzinfo=UTC),
    "x": [{"y": "a swordfish"}, Decimal(1)],
}


def test_rejected_records_are_kept_without_secrets_and_counted(workspace: Path) -> None:
    result = sync(workspace, Rejecting({"id": 1}, BAD, {"id": 2}), max_rejected=1)
    assert (result.rows, result.rejected, stored(workspace)) == (2, 1, [(1,), (2,)])
    assert result.rejected_file == workspace / "rejected" / "shop" / "rejecting" / "run%2F1.jsonl"
    assert result.rejected_file.stat().st_mode & 0o077 == 0
    [letter] = letters(result)
    assert datetime.fromisoformat(letter.pop("at")).tzinfo is not None
    assert letter == {
        "pipeline": "shop",
        "stream": "rejecting",
        "reason": "the token ******** is no number",
        "row": {
            "id": "b'\\x00'",
            "bad": True,
            "when": "2026-01-01 00:00:00+00:00",
            "x": [{"y": "a ********"}, "1"],
        },
    }


@pytest.mark.parametrize("swallows", [False, True])
@pytest.mark.parametrize(("limit", "bad"), [(0, 1), (2, 3), (0.5, 3)])
def test_too_many_stop_the_sync_before_anything_is_published(
    workspace: Path, limit: float, bad: int, swallows: bool
) -> None:
    source = Rejecting({"id": 1}, *[BAD] * bad, {"id": 2}, swallows=swallows)
    with pytest.raises(FatalError, match=f"{bad} records were rejected, and max_rejected allows") as caught:
        sync(workspace, source, WriteMode.OVERWRITE, max_rejected=limit)
    assert caught.value.code == "rejected.too_many"
    assert "hunter2" not in caught.value.message
    with pytest.raises(duckdb.CatalogException):
        stored(workspace)


@pytest.mark.parametrize("limit", [3, 0.75, 1.0, None])
def test_as_many_as_are_allowed_are_put_aside(workspace: Path, limit: float | None) -> None:
    result = sync(workspace, Rejecting(BAD, BAD, BAD, {"id": 1}), WriteMode.OVERWRITE, max_rejected=limit)
    assert (result.rejected, stored(workspace)) == (3, [(1,)])


def test_partitions_may_reject_side_by_side(workspace: Path) -> None:
    result = sync(workspace, Rejecting(*[BAD] * 50, parts=8), max_rejected=None)
    assert (result.rejected, len(letters(result))) == (400, 400)


def test_a_destination_may_reject_and_the_connectors_are_left_as_they_were(workspace: Path) -> None:
    class Picky(DestinationConnector):
        def load(self, rows: list[Row], write_mode: WriteMode) -> int:
            for row in rows:
                self.reject(row, "not today")
            return 0

    picky = Picky()
    plan = StreamPlan("shop", max_rejected=None)
    result = sync_stream(
        Rejecting({"id": 1}),
        picky,
        plan,
        state=FileStateStore(workspace),
        rejected_folder=workspace / "rejected",
    )
    assert (result.loaded, result.rejected, letters(result)[0]["row"]) == (0, 1, {"id": 1})
    assert picky._on_reject is None


class Typed(BatchSource):
    """A table of whatever columns a test puts in."""

    def __init__(self, **columns: pa.Array) -> None:
        self.batch = pa.record_batch(columns)

    def streams(self) -> list[Stream]:
        return [Stream("rejecting", self.batch.schema)]

    def extract_batches(self, stream: Stream, resume_from: str | None = None) -> Iterator[pa.RecordBatch]:
        yield self.batch


ROWS = [
    {"id": 2, "n": 2, "new": None},
    {"id": 3, "n": 2.5, "new": None},
    {"id": 4, "n": 4, "new": UUID(int=4)},
    {"id": 5, "n": 5.0, "new": None, "password": "hunter2"},
]


def changed(columns: bool) -> SourceConnector:
    if not columns:
        return Rejecting(*ROWS)
    names = ["id", "n", "new", "password"]
    kinds = [pa.int64(), pa.float64(), pa.uuid(), pa.string()]
    arrays = [
        pa.array([row.get(name) for row in ROWS], kind) for name, kind in zip(names, kinds, strict=True)
    ]
    return Typed(**dict(zip(names, arrays, strict=True)))


@pytest.mark.parametrize("columns", [False, True])
class TestSchemaPolicies:
    @pytest.fixture(autouse=True)
    def _loaded(self, workspace: Path) -> None:
        sync(workspace, Rejecting({"id": 1, "n": 1, "gone": "x"}), on_schema_change=SchemaPolicy.FREEZE)

    def test_evolve_takes_them(self, workspace: Path, columns: bool) -> None:
        sync(workspace, changed(columns))
        assert stored(workspace)[2] == (3, 2.5, None, None, None)

    def test_freeze_stops_with_the_row_and_no_secret(self, workspace: Path, columns: bool) -> None:
        with pytest.raises(FatalError, match="column 'n' has a value of type double, which int64") as caught:
            sync(workspace, changed(columns), on_schema_change=SchemaPolicy.FREEZE)
        assert caught.value.code == "schema.frozen"
        assert '"id": 3, "n": 2.5' in caught.value.message
        assert stored(workspace) == [(1, 1, "x")]
        with pytest.raises(FatalError, match="column 'password' is new") as caught:
            sync(workspace, Rejecting({"id": 1, "password": "hunter2"}), on_schema_change=SchemaPolicy.FREEZE)
        assert '"password": "********"' in caught.value.message

    def test_discard_row_puts_the_rows_aside(self, workspace: Path, columns: bool) -> None:
        result = sync(workspace, changed(columns), on_schema_change=SchemaPolicy.DISCARD_ROW)
        assert stored(workspace) == [(1, 1, "x"), (2, 2, None)]
        assert (result.rejected, result.loaded) == (3, 1)
        reasons = {letter["row"]["id"]: letter["reason"] for letter in letters(result)}
        assert "which int64 cannot hold" in reasons[3]
        assert reasons[4] == "column 'new' is new (extension<arrow.uuid>)"
        assert reasons[5] == "column 'password' is new (string)"

    def test_discard_value_leaves_the_values_out(self, workspace: Path, columns: bool) -> None:
        result = sync(workspace, changed(columns), on_schema_change=SchemaPolicy.DISCARD_VALUE)
        assert stored(workspace) == [(1, 1, "x"), (2, 2, None), (3, None, None), (4, 4, None), (5, 5, None)]
        assert (result.discarded_values, result.rejected) == (3, 0)

    def test_a_refresh_of_the_pipeline_is_held_to_it_as_well(self, workspace: Path, columns: bool) -> None:
        with pytest.raises(FatalError, match="the schema is frozen"):
            sync(workspace, changed(columns), WriteMode.OVERWRITE, on_schema_change=SchemaPolicy.FREEZE)
        assert stored(workspace) == [(1, 1, "x")]


def test_declared_columns_count_from_the_start(workspace: Path) -> None:
    class Declared(Rejecting):
        def streams(self) -> list[Stream]:
            return [Stream("declared", pa.schema([("id", pa.int64())]))]

    source = Declared({"id": 1, "extra": "x"})
    with pytest.raises(FatalError, match="column 'extra' is new"):
        sync(workspace, source, on_schema_change=SchemaPolicy.FREEZE)
    sync(workspace, source, on_schema_change=SchemaPolicy.DISCARD_VALUE)
    assert stored(workspace) == [(1,)]


def test_rows_reach_a_destination_of_rows_as_the_policy_left_them(workspace: Path) -> None:
    class Keeper(DestinationConnector):
        rows: list[Row] = []

        def load(self, rows: list[Row], write_mode: WriteMode) -> int:
            self.rows = rows
            return len(rows)

    keeper, state = Keeper(), FileStateStore(workspace / "state")
    plan = StreamPlan("shop", write_mode=WriteMode.APPEND, on_schema_change=SchemaPolicy.DISCARD_VALUE)
    for source in (Rejecting({"id": 1, "n": 1}), changed(columns=False)):
        sync_stream(source, keeper, plan, state=state)
    assert keeper.rows == [{"id": 2, "n": 2}, {"id": 3}, {"id": 4, "n": 4}, {"id": 5, "n": 5.0}]


def test_discarding_rows_needs_a_place_for_them(workspace: Path) -> None:
    plan = StreamPlan("shop", on_schema_change=SchemaPolicy.DISCARD_ROW)

    class Nowhere(DestinationConnector):
        def load(self, rows: list[Row], write_mode: WriteMode) -> int:
            return len(rows)

    with pytest.raises(ConfigurationError, match="no place for them"):
        sync_stream(Rejecting(), Nowhere(), plan, state=FileStateStore(workspace))
