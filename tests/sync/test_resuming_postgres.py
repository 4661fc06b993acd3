"""Syncs into Postgres that break off at every point and are gone on with."""

from __future__ import annotations

import itertools

import pytest

from acme_sdk import Load, LoadPlan, StreamState, WriteMode, open_connector
from acme_sdk.connectors.postgres import PostgresDestination
from acme_sdk.sync import CommitInterval, StreamPlan, sync_stream
from tests.servers import DatabaseServer
from tests.sync.pages import Crash, CrashingLoad, OrderedRows, Pages, Steps


class CrashingPostgres(PostgresDestination):
    """Postgres, with steps."""

    steps = Steps()

    def open_load(self, plan: LoadPlan) -> Load:
        return CrashingLoad(super().open_load(plan), self.steps)

    def finish_refresh(self, plan: LoadPlan, state: StreamState) -> int:
        self.steps.step()
        count = super().finish_refresh(plan, state)
        self.steps.step()
        return count


@pytest.mark.parametrize("kind", [Pages, OrderedRows])
@pytest.mark.parametrize("parts", [0, 2])
@pytest.mark.parametrize("mode", list(WriteMode))
def test_each_row_is_there_once_wherever_it_broke_off(
    postgres: DatabaseServer, mode: WriteMode, parts: int, kind: type[Pages] | type[OrderedRows]
) -> None:
    database = postgres.create_database()
    CrashingPostgres.steps = Steps()
    config = {"connection": postgres.connection_string(database)}
    plan = StreamPlan("shop", table="t", write_mode=mode, primary_key=("id",))
    pages = kind([(0, 0, "a")], parts=parts, overlap=1)
    with open_connector(CrashingPostgres, config) as destination:
        sync_stream(pages, destination, plan)
        for crash_at in itertools.count(step=2):
            first = len(pages.log)
            pages.log += [(first + n, first + n, "b") for n in range(4)]
            pages.steps = CrashingPostgres.steps = Steps(crash_at)
            try:
                sync_stream(pages, destination, plan, commit_interval=CommitInterval(rows=1))
            except Crash:
                pages.steps = CrashingPostgres.steps = Steps()
                for _ in range(2):  # partitions that had ended have more by now
                    sync_stream(pages, destination, plan, commit_interval=CommitInterval(rows=1))
                assert postgres.query(database, "SELECT id, at, v FROM t ORDER BY id") == pages.log
            else:
                break
            if mode is WriteMode.OVERWRITE:
                pages.log = [(0, 0, "c")]
    assert crash_at > 8
    assert postgres.query(database, "SELECT id, at, v FROM t ORDER BY id") == pages.log
    tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    assert sorted(postgres.query(database, tables)) == [("_acme_checkpoints",), ("t",)]
