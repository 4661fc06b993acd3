"""Large tables, which several connections read side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

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


def readers(query: Query) -> int:
    """How many connections have read in a transaction that goes on."""
    asked = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_xmin IS NOT NULL
         AND query LIKE 'COPY (SELECT%' AND pid <> pg_backend_pid()
    """
    ((count,),) = query(asked)
    return int(count)


def wait_for_no_reader(query: Query) -> None:
    """Return when the server has noticed that its connections are gone; pytest's time-out ends this."""
    while readers(query):
        time.sleep(0.02)


def test_each_row_comes_once_by_two_connections(source: PostgresSource, run: Run, query: Query) -> None:
    run(LARGE, "CREATE TABLE heir () INHERITS (large)", "INSERT INTO heir SELECT 0 - i, t FROM large")
    batches = source.extract_batches(source.stream("large"))
    first = next(batches)
    assert readers(query) == 2
    found = numbers(iter([first, *batches]))
    assert found == [*range(-ROWS, 0), *range(1, ROWS + 1)]
    wait_for_no_reader(query)


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


@pytest.mark.parametrize("connections", [1, 3])
def test_as_many_connections_as_the_configuration_says(
    postgres: DatabaseServer, database: str, run: Run, query: Query, connections: int
) -> None:
    run(LARGE)
    config = {"connection": postgres.connection_string(database), "read_connections": connections}
    with open_connector(PostgresSource, config) as opened:
        batches = opened.extract_batches(opened.stream("large"))
        first = next(batches)
        assert readers(query) == connections
        assert numbers(iter([first, *batches])) == list(range(1, ROWS + 1))


def test_a_role_that_may_have_one_connection(
    postgres: DatabaseServer, database: str, run: Run, query: Query
) -> None:
    role = f"lonely_{database}"
    run(
        LARGE,
        f"CREATE ROLE {role} LOGIN PASSWORD 'pw' CONNECTION LIMIT 1",
        f"GRANT SELECT ON large TO {role}",
        f"GRANT USAGE ON SCHEMA public TO {role}",
    )
    address = postgres.connection_string(database).split("@")[1]
    with open_connector(PostgresSource, {"connection": f"postgresql://{role}:pw@{address}"}) as opened:
        assert numbers(opened.extract_batches(opened.stream("large"))) == list(range(1, ROWS + 1))


def test_a_view_is_read_whole(source: PostgresSource, run: Run, query: Query) -> None:
    run(LARGE, "CREATE VIEW seen AS SELECT * FROM large")
    batches = source.extract_batches(source.stream("seen"))
    first = next(batches)
    assert readers(query) == 1
    assert numbers(iter([first, *batches])) == list(range(1, ROWS + 1))
