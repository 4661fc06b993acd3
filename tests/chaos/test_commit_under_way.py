"""A server goes on with a commit whose client was killed: the next sync must not read the state before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from acme_sdk import WriteMode
from tests.chaos.ledger import Ledger
from tests.chaos.origins import Origin, PostgresOrigin, RowOrigin
from tests.chaos.story import specified
from tests.chaos.targets import PostgresTarget
from tests.chaos.victim import Victim
from tests.servers import DatabaseServer

_GATE = 4711
_SLOW_COMMITS = (
    "CREATE TABLE t (id bigint)",
    "CREATE FUNCTION pass_gate() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN PERFORM pg_advisory_xact_lock_shared({_GATE}); RETURN NULL; END $$",
    "CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW WHEN (NEW.id = 0) EXECUTE FUNCTION pass_gate()",
)
_COMMITTING = "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event_type = 'Lock'"
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.mark.parametrize("origin", ["postgres", "checkpoints"])
def test_what_it_commits_is_not_loaded_again(postgres: DatabaseServer, origin: str) -> None:
    ledger = Ledger(WriteMode.APPEND, 3000, 3000)
    source: Origin = PostgresOrigin(postgres) if origin == "postgres" else RowOrigin(origin)
    source.hold(ledger)
    target = PostgresTarget(postgres)
    spec = specified(source, target, WriteMode.APPEND, "t", interval_rows=1000)
    with psycopg.connect(target.config()["connection"], autocommit=True) as connection:
        for statement in _SLOW_COMMITS:
            connection.execute(statement.encode())
        with _closed_gate(connection):
            with Victim(spec) as victim:
                assert victim.wait_until(_counts(connection, _COMMITTING, 1))
                assert victim.kill()
            again = Victim(spec)
            assert again.wait_until(_counts(connection, _WAITING, 2))
        with again:
            assert again.wait() == 0, again.errors()
    held, wanted = Counter(target.rows("t")), Counter(ledger.table())
    assert ((wanted - held).total(), (held - wanted).total()) == (0, 0)


def _counts(connection: psycopg.Connection, query: str, wanted: int) -> Callable[[], bool]:
    return lambda: connection.execute(query.encode()).fetchall() == [(wanted,)]


@contextmanager
def _closed_gate(connection: psycopg.Connection) -> Iterator[None]:
    """Keep commits into the table waiting."""
    connection.execute("SELECT pg_advisory_lock(%s)", (_GATE,))
    yield
    connection.execute("SELECT pg_advisory_unlock(%s)", (_GATE,))
