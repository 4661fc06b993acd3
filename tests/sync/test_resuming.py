"""Checkpoints and partitions: what broke off is gone on with, nothing is lost and nothing comes twice."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from acme_sdk import DestinationConnector, Row, WriteMode, open_connector
from acme_sdk.sync import CommitInterval, FileStateStore, StreamPlan, sync_stream
from tests.sync.pages import SCHEMA, Crash, CrashingDuckDB, OrderedRows, Pages, Record, Steps

#: Each round brings records, as (id, ticks since the one before, value), and says where it crashes.
NEWS = st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 2), st.sampled_from("ab")), max_size=6)
ROUNDS = st.lists(st.tuples(NEWS, st.integers(-1, 14)), min_size=1, max_size=4)
#: The first ends what broke off, the second reads what has come to the parts that had ended by then.
CALM: list[tuple[list[tuple[int, int, str]], int]] = [([], -1), ([], -1)]
INTERVALS = st.sampled_from([CommitInterval(1, 60), CommitInterval(3, 60), CommitInterval(1000, 0)])


def grow(pages: Pages | OrderedRows, news: list[tuple[int, int, str]], clock: int, *, late: bool) -> int:
    """Add records to the log; their time goes back only if some may be late. Returns the highest time."""
    known = {record[:2] for record in pages.log}
    for key, ticks, value in news:
        at = clock + ticks if late else clock + abs(ticks)
        clock = max(clock, at)
        while pages.key and (key, at) in known:
            at += 1  # a record that changes twice does so at two times
            clock = max(clock, at)
        known.add((key, at))
        pages.log.append((key, at, value))
    return clock


def expected(log: list[Record], mode: WriteMode) -> list[Record]:
    return sorted({record[0]: record for record in log}.values() if mode is WriteMode.UPSERT else log)


@settings(max_examples=30)
@given(
    rounds=ROUNDS,
    mode=st.sampled_from(WriteMode),
    page=st.integers(0, 3),
    parts=st.sampled_from([0, 0, 1, 3]),
    keyed=st.booleans(),
    late=st.booleans(),
    typed=st.booleans(),
    interval=INTERVALS,
)
def test_the_table_is_what_it_would_be_without_crashes(
    rounds: list[tuple[list[tuple[int, int, str]], int]],
    mode: WriteMode,
    page: int,
    parts: int,
    keyed: bool,
    late: bool,
    typed: bool,
    interval: CommitInterval,
) -> None:
    late = late and mode is WriteMode.APPEND
    pages = Pages(page=page, parts=parts, schema=SCHEMA if typed else None, overlap=1 if late else None)
    pages.key = ("id",) if keyed or mode is WriteMode.UPSERT else ()
    plan = StreamPlan("shop", table="t", write_mode=mode)
    clock = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "warehouse.duckdb")
        for number, (news, crash_at) in enumerate([*rounds, *CALM]):
            clock = grow(pages, news, clock, late=late)
            pages.steps = CrashingDuckDB.steps = Steps(crash_at)
            with suppress(Crash), open_connector(CrashingDuckDB, {"path": str(path)}) as destination:
                sync_stream(pages, destination, plan, run_id=f"run-{number}", commit_interval=interval)
        with duckdb.connect(str(path)) as connection:
            tables = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
            has_table = ("t",) in tables
            stored = connection.execute("FROM t ORDER BY ALL").fetchall() if has_table else []
    assert stored == expected(pages.log, mode)
    assert [name for (name,) in tables if name != "t"] == ["_acme_checkpoints"]


class Table(DestinationConnector):
    """A table in memory that crashes before and after a load."""

    def __init__(self) -> None:
        self.rows: list[Record] = []
        self.overwritten = 0
        self.steps = Steps()

    def load(self, rows: list[Row], write_mode: WriteMode) -> int:
        self.steps.step()
        if write_mode is WriteMode.OVERWRITE:
            self.rows = []
        records: Any = [tuple(row.values()) for row in rows]
        if write_mode is WriteMode.UPSERT:
            keys = {record[0] for record in records}
            self.rows = [record for record in self.rows if record[0] not in keys]
            records = list({record[0]: record for record in records}.values())
        self.rows += records
        self.steps.step()
        return len(rows)


@settings(max_examples=60)
@given(
    rounds=ROUNDS,
    mode=st.sampled_from(WriteMode),
    page=st.integers(0, 3),
    parts=st.sampled_from([0, 0, 1, 3]),
    ordered=st.booleans(),
    interval=INTERVALS,
)
def test_without_transactions_nothing_is_lost(
    rounds: list[tuple[list[tuple[int, int, str]], int]],
    mode: WriteMode,
    page: int,
    parts: int,
    ordered: bool,
    interval: CommitInterval,
) -> None:
    pages = OrderedRows(parts=parts) if ordered else Pages(page=page, parts=parts)
    table = Table()
    plan = StreamPlan("shop", write_mode=mode)
    clock = 0
    with tempfile.TemporaryDirectory() as folder:
        for news, crash_at in [*rounds, *CALM]:
            clock = grow(pages, news, clock, late=False)
            pages.steps = table.steps = Steps(crash_at)
            with suppress(Crash):
                sync_stream(pages, table, plan, state=FileStateStore(Path(folder)), commit_interval=interval)
    if mode is WriteMode.UPSERT:
        assert sorted(table.rows) == expected(pages.log, mode)
    else:
        assert set(table.rows) == set(pages.log)
    if mode is WriteMode.OVERWRITE and all(crash_at < 0 for _, crash_at in rounds):
        assert Counter(table.rows) == Counter(pages.log)
