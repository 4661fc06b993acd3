"""Large tables, which several connections read side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from acme_sdk import open_connector
from acme_sdk.connectors.postgres import PostgresSource
from acme_sdk.encoded import decoded
from tests.servers import DatabaseServer

Run = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

ROWS = 80_000
#: Five parts of 16 MiB each.
LARGE = f"CREATE TABLE large AS SELECT i, repeat('x', 1000) AS t FROM generate_series(1, {ROWS}) i"


def numbers(batches: Iterator[Any]) -> list[int]:
    """The values of the column `i`, in order."""
    return sorted(value for batch in batches for value in decoded(batch).column("i").to_pylist())


#: Each row counts, and some take the server a while.
SLOWLY = (
    "CREATE FUNCTION slowly(i integer) RETURNS boolean LANGUAGE plpgsql AS"
    " 'BEGIN IF i % 4000 = 0 THEN PERFORM pg_sleep(0.1); END IF; RETURN true; END'",
    "CREATE POLICY slowly ON large USING (slowly(i))",
    "ALTER TABLE large ENABLE ROW LEVEL SECURITY",
)


def role(postgres: DatabaseServer, database: str, run: Run, limit: int = -1) -> str:
    """Make a role that may read the table; return the address it connects with."""
    name = f"reader_{database}_{limit}".replace("-", "_")
    run(
        f"DROP ROLE IF EXISTS {name}",
        f"CREATE ROLE {name} LOGIN PASSWORD 'pw' CONNECTION LIMIT {limit}",
        f"GRANT SELECT ON large TO {name}",
        f"GRANT USAGE ON SCHEMA public TO {name}",
    )
    address = postgres.connection_string(database).split("@")[1]
    return f"postgresql://{name}:pw@{address}"


def readers(query: Query, state: str = "true") -> int:
    """How many connections read, or have read and could go on."""
    asked = f"""
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_xmin IS NOT NULL
         AND query LIKE 'COPY (SELECT%' AND pid <> pg_backend_pid() AND {state}
    """
    ((count,),) = query(asked)
    return int(count)


@contextmanager
def watched(query: Query) -> Iterator[set[int]]:
    """Look all the time how many connections read."""
    seen: set[int] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            seen.add(readers(query))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def wait_for_no_reader(query: Query) -> None:
    """Return when the server has noticed that its connections are gone; pytest's time-out ends this."""
    while readers(query):
        time.sleep(0.02)


def test_a_server_that_is_waited_for_gets_a_second_connection(
    postgres: DatabaseServer, database: str, run: Run, query: Query
) -> None:
    run(
        LARGE, "CREATE TABLE heir () INHERITS (large)", "INSERT INTO heir SELECT 0 - i, t FROM large", *SLOWLY
    )
    config = {"connection": role(postgres, database, run)}
    with open_connector(PostgresSource, config) as opened, watched(query) as seen:
        found = numbers(opened.extract_batches(opened.stream("large")))
    assert found == [*range(-ROWS, 0), *range(1, ROWS + 1)]
    assert max(seen) == 2
    wait_for_no_reader(query)


def test_a_server_that_waits_for_us_gets_no_second_connection(
    source: PostgresSource, run: Run, query: Query
) -> None:
    run(LARGE)
    batches = source.extract_batches(source.stream("large"))
    found = []
    for batch in batches:
        found += numbers(iter([batch]))
        while readers(query, "state = 'active' AND wait_event IS DISTINCT FROM 'ClientWrite'"):
            pass
        assert readers(query) <= 1
    assert sorted(found) == list(range(1, ROWS + 1))


def test_all_parts_are_of_one_moment(source: PostgresSource, run: Run) -> None:
    run(LARGE)
    batches = source.extract_batches(source.stream("large"))
    first = next(batches)
    run("UPDATE large SET i = i + 1000000 WHERE i % 2 = 0", "INSERT INTO large SELECT 0, 'late'")
    run("DELETE FROM large WHERE i % 3 = 0")
    assert numbers(iter([first, *batches])) == list(range(1, ROWS + 1))


def test_stopping_early_ends_both(source: PostgresSource, run: Run, query: Query) -> None:
    run(LARGE)
    batches = source.extract_batches(source.stream("large"))
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    wait_for_no_reader(query)


def test_one_connection_if_the_configuration_says_so(
    postgres: DatabaseServer, database: str, run: Run, query: Query
) -> None:
    run(LARGE, *SLOWLY)
    config = {"connection": role(postgres, database, run), "read_connections": 1}
    with open_connector(PostgresSource, config) as opened, watched(query) as seen:
        assert numbers(opened.extract_batches(opened.stream("large"))) == list(range(1, ROWS + 1))
    assert max(seen) == 1


def test_a_role_that_may_have_one_connection(postgres: DatabaseServer, database: str, run: Run) -> None:
    run(LARGE, *SLOWLY)
    with open_connector(PostgresSource, {"connection": role(postgres, database, run, limit=1)}) as opened:
        assert numbers(opened.extract_batches(opened.stream("large"))) == list(range(1, ROWS + 1))


def test_a_view_is_read_whole(source: PostgresSource, run: Run, query: Query) -> None:
    run(LARGE, "CREATE VIEW seen AS SELECT * FROM large")
    with watched(query) as seen:
        assert numbers(source.extract_batches(source.stream("seen"))) == list(range(1, ROWS + 1))
    assert max(seen) == 1
