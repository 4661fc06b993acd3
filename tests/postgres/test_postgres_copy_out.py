"""Reading by COPY: what happens when it breaks off, is stopped, or has to be waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from acme_sdk.connectors.postgres import PostgresSource
from acme_sdk.connectors.postgres.copy_out import copy_out
from acme_sdk.encoded import decoded
from acme_sdk.errors import FatalError, RetriableError
from tests.servers import DatabaseServer

Run = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

#: Some batches at once, then a failure.
BROKEN = "SELECT 1 / (300000 - i) AS v, repeat('x', 100) AS t FROM generate_series(1, 300000) i"
#: A row, then nothing for a long time.
SLOW = "SELECT i, CASE WHEN i > 1 THEN pg_sleep(600)::text END AS s FROM generate_series(1, 2) i"


def others(query: Query, database: str) -> int:
    """How many connections the database has beside the asking one."""
    ((count,),) = query(
        f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()"
    )
    return int(count)


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_a_failure_on_the_way(source: PostgresSource, run: Run) -> None:
    run(f"CREATE VIEW broken AS {BROKEN}")
    batches = source.extract_batches(source.stream("broken"))
    assert decoded(next(batches)).column("v").to_pylist()[0] == 0
    with pytest.raises(FatalError, match=r"stream 'broken'.*division by zero"):
        list(batches)


def test_a_server_that_ends_the_connection(source: PostgresSource, run: Run, query: Query) -> None:
    run(f"CREATE VIEW slow AS {SLOW}")
    stream = source.stream("slow")
    killer = threading.Thread(target=_when_running, args=(query, "pg_terminate_backend"))
    killer.start()
    with pytest.raises(RetriableError, match="stream 'slow'") as caught:
        list(source.extract_batches(stream))
    killer.join()
    assert caught.value.code == "server.gone"


def _when_running(query: Query, function: str) -> None:
    asked = f"""
        SELECT {function}(pid) FROM pg_stat_activity
         WHERE query LIKE 'COPY (SELECT%' AND state = 'active' AND pid <> pg_backend_pid()
    """
    assert wait_until(lambda: query(asked) != [])


def test_stopping_early_ends_the_servers_work(
    source: PostgresSource, run: Run, query: Query, database: str
) -> None:
    run("CREATE TABLE t AS SELECT i, repeat('x', 500) AS t FROM generate_series(1, 100000) i")
    before = others(query, database)
    batches = source.extract_batches(source.stream("t"))
    next(batches)
    assert others(query, database) == before + 1
    batches.close()
    assert wait_until(lambda: others(query, database) == before)


def test_an_interrupt_while_the_server_works(
    source: PostgresSource, run: Run, query: Query, database: str
) -> None:
    run(f"CREATE VIEW slow AS {SLOW}")
    before = others(query, database)
    stream = source.stream("slow")
    interrupter = threading.Thread(target=_interrupt, args=(query,))
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        list(source.extract_batches(stream))
    interrupter.join()
    assert wait_until(lambda: others(query, database) == before)


def _interrupt(query: Query) -> None:
    import signal

    _when_running(query, "abs")
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # type: ignore[arg-type]


def test_others_work_while_the_server_is_waited_for(
    source: PostgresSource, run: Run, query: Query, postgres: DatabaseServer, database: str
) -> None:
    """The server waits for another thread of this process, which would not get its turn otherwise."""
    run("CREATE VIEW late AS SELECT pg_advisory_lock_shared(4711)::text AS s")
    stream = source.stream("late")
    with psycopg.connect(postgres.connection_string(database), autocommit=True) as gate:
        gate.execute("SELECT pg_advisory_lock(4711)")

        def open_gate() -> None:
            _when_running(query, "abs")
            gate.execute("SELECT pg_advisory_unlock(4711)")

        other = threading.Thread(target=open_gate)
        other.start()
        assert [batch.num_rows for batch in source.extract_batches(stream)] == [1]
        other.join()


def test_a_connector_that_is_torn_down_while_another_thread_reads(
    source: PostgresSource, run: Run, query: Query
) -> None:
    run(f"CREATE VIEW slow AS {SLOW}")
    stream = source.stream("slow")

    def tear_down() -> None:
        _when_running(query, "abs")
        source.teardown()

    other = threading.Thread(target=tear_down)
    other.start()
    with pytest.raises(RetriableError) as caught:
        list(source.extract_batches(stream))
    other.join()
    # The server may still say that it stopped, or not.
    assert caught.value.code in ("timeout", "server.gone")


def test_all_rows_of_a_query(postgres: DatabaseServer, database: str) -> None:
    with psycopg.connect(postgres.connection_string(database), autocommit=True) as connection:
        blocks = list(
            copy_out(iter([connection]), [sql.SQL("SELECT i FROM generate_series(1, 500000) i")], "here")
        )
        assert sum(count for _, count in blocks) == 500_000
        assert all(len(data) == count * 10 for data, count in blocks)
        assert list(copy_out(iter([connection]), [sql.SQL("SELECT 1 WHERE false")], "here")) == [(b"", 0)]
        assert list(copy_out(iter([connection]), [sql.SQL("SELECT")], "here")) == [(b"\0\0", 1)]
        assert list(copy_out(iter([connection]), [sql.SQL("SELECT -1::int2")], "here")) == [
            (b"\0\1\0\0\0\2\xff\xff", 1)
        ]
        with pytest.raises(psycopg.errors.UndefinedColumn):
            list(copy_out(iter([connection]), [sql.SQL("SELECT nothing")], "here"))
        assert connection.execute("SELECT 1").fetchone() == (1,)
