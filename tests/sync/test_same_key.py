"""Upsert when a key comes more than once: the row that came last is the one that stays, everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acme_sdk import Checkpoint, Position, Row, SourceConnector, Stream, WriteMode, open_connector
from acme_sdk.connectors.postgres import PostgresSource
from acme_sdk.cursor import CursorField
from acme_sdk.sync import CommitInterval, StreamPlan, sync_stream
from tests.servers import DatabaseServer
from tests.sync.pages import Crash, Steps
from tests.sync.targets import Target

Version = tuple[int, int | None, int]

SCHEMA = pa.schema([("id", pa.int64()), ("seen", pa.int64()), ("v", pa.int64())])
CURSORS: list[CursorField | None] = [None, "seen", ("seen", "v")]
TABLES = count()


@dataclass
class Versions(SourceConnector):
    """Versions of records, in the order in which they are to come, with a checkpoint after every two."""

    cursor_field: CursorField | None
    rows: list[Version] = field(default_factory=list)
    steps: Steps = field(default_factory=Steps)

    def streams(self) -> list[Stream]:
        return [Stream("versions", SCHEMA, ("id",), self.cursor_field)]

    def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
        begin = position.checkpoint["next"] if position.checkpoint else 0
        for number, row in enumerate(self.rows[begin:], begin + 1):
            self.steps.step()
            yield Row(zip(SCHEMA.names, row, strict=True))
            if number % 2 == 0:
                yield Checkpoint({"next": number})


def check(
    target: Target,
    syncs: Sequence[Sequence[tuple[int, int | None]]],
    cursor_field: CursorField | None,
    *,
    interval_rows: int,
    crash_at: int,
) -> None:
    """Let each sync bring some ids with cursor values, after an attempt that breaks off at some step."""
    plan = StreamPlan("shop", table=f"t{next(TABLES)}", write_mode=WriteMode.UPSERT)
    source, last, numbers = Versions(cursor_field), dict[int, Version](), count()
    for versions in syncs:
        source.rows = [(key, seen, next(numbers)) for key, seen in versions]
        last |= {row[0]: row for row in source.rows}
        for steps in (Steps(crash_at), Steps()):
            source.steps = steps
            with suppress(Crash):
                sync_stream(source, target.destination, plan, commit_interval=CommitInterval(interval_rows))
    assert target.query(f"SELECT id, seen, v FROM {plan.table} ORDER BY id") == sorted(last.values())


SYNCS = st.lists(
    st.lists(st.tuples(st.integers(0, 2), st.none() | st.integers(0, 2)), max_size=7), min_size=1, max_size=3
)


@pytest.mark.parametrize("target", ["duckdb", "postgres"], indirect=True)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SYNCS, st.sampled_from(CURSORS), st.sampled_from([1, 3, 100]), st.integers(0, 8))
def test_the_row_that_came_last_stays(
    target: Target,
    syncs: Sequence[Sequence[tuple[int, int | None]]],
    cursor_field: CursorField | None,
    interval_rows: int,
    crash_at: int,
) -> None:
    check(target, syncs, cursor_field, interval_rows=interval_rows, crash_at=crash_at)


@pytest.mark.parametrize("target", ["bigquery"], indirect=True)
@pytest.mark.parametrize("cursor_field", CURSORS)
def test_the_row_that_came_last_stays_in_bigquery(target: Target, cursor_field: CursorField | None) -> None:
    syncs = [[(0, 5), (1, 4), (0, 3), (1, 4), (2, 9)], [(2, 1), (1, None)]]
    check(target, syncs, cursor_field, interval_rows=3, crash_at=3)


@pytest.mark.parametrize("target", ["duckdb", "postgres"], indirect=True)
def test_a_change_by_a_transaction_that_began_first_is_not_lost(
    target: Target, postgres: DatabaseServer
) -> None:
    """``now()`` is when a transaction began: what it writes last can have the lower time."""
    address = postgres.connection_string(postgres.create_database())
    plan = StreamPlan("shop", "orders", write_mode=WriteMode.UPSERT, cursor_field="at", overlap=1e4)
    with (
        psycopg.connect(address) as slow,
        psycopg.connect(address, autocommit=True) as quick,
        open_connector(PostgresSource, {"connection": address}) as source,
    ):
        quick.execute("CREATE TABLE orders (id int PRIMARY KEY, v text, at float8)")
        slow.execute("SELECT now()")
        quick.execute("INSERT INTO orders VALUES (1, 'first', extract(epoch FROM now()))")
        sync_stream(source, target.destination, plan)
        slow.execute("UPDATE orders SET v = 'second', at = extract(epoch FROM now())")
        slow.commit()
        sync_stream(source, target.destination, plan)
    assert target.query("SELECT v FROM orders") == [("second",)]
