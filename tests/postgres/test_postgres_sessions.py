"""Which connections a connector has, and when they are opened, used again and closed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from acme_sdk.connectors.postgres import PostgresDestination, PostgresSource
from acme_sdk.encoded import decoded
from acme_sdk.errors import AcmeError
from acme_sdk.lifecycle import open_connector
from tests.servers import DatabaseServer

Run = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

OURS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'acme-connectors%'"


def until(query: Query, count: int) -> set[int]:
    """Wait until there are so many connections of ours; return the numbers of their processes."""
    give_up = time.monotonic() + 120
    while len(found := {pid for (pid,) in query(f"SELECT pid {OURS}")}) != count:
        assert time.monotonic() < give_up, found
        time.sleep(0.05)
    return found


def read(source: PostgresSource, name: str) -> list[dict[str, Any]]:
    batches = source.extract_batches(source.stream(name))
    return [row for batch in batches for row in decoded(batch).to_pylist()]


def test_a_source_goes_on_with_one_connection(source: PostgresSource, run: Run, query: Query) -> None:
    run("CREATE TABLE a AS SELECT 1 AS i", "CREATE TABLE b AS SELECT 2 AS i")
    stream = source.stream("a")
    first = until(query, 1)
    for batch in source.extract_batches(stream):
        assert decoded(batch).to_pylist() == [{"i": 1}]
        assert until(query, 1) == first
    assert (read(source, "b"), len(source.streams())) == ([{"i": 2}], 2)
    assert until(query, 1) == first
    assert query(f"SELECT state {OURS}") == [("idle",)]


def test_a_connection_that_ended_meanwhile_is_replaced(
    source: PostgresSource, run: Run, query: Query
) -> None:
    run("CREATE TABLE a AS SELECT 1 AS i")
    stream = source.stream("a")
    first = until(query, 1)
    run(f"SELECT pg_terminate_backend(pid) {OURS}")
    until(query, 0)
    assert [decoded(batch).to_pylist() for batch in source.extract_batches(stream)] == [[{"i": 1}]]
    assert until(query, 1) != first


def test_a_reader_that_stops_early_leaves_nothing_open(
    source: PostgresSource, run: Run, query: Query
) -> None:
    run("CREATE TABLE big AS SELECT i, repeat('x', 500) AS t FROM generate_series(1, 100000) i")
    batches = source.extract_batches(source.stream("big"))
    next(iter(batches))
    until(query, 1)
    batches.close()  # type: ignore[attr-defined] # it is a generator
    until(query, 0)


def test_a_destination_that_gets_ready_and_is_not_needed(
    postgres: DatabaseServer, database: str, query: Query
) -> None:
    with open_connector(
        PostgresDestination, {"connection": postgres.connection_string(database)}
    ) as destination:
        destination.get_ready()
        destination.get_ready()
        ready = until(query, 2)
        with destination.exclusive("p", "s", "r"):
            assert until(query, 2) == ready
        destination.get_ready()
    until(query, 0)


def test_what_goes_wrong_while_a_destination_gets_ready_shows_when_it_is_needed(
    postgres: DatabaseServer, database: str, query: Query
) -> None:
    config = {"connection": postgres.connection_string(database)}
    reach = f"ALTER DATABASE {database} ALLOW_CONNECTIONS"
    with open_connector(PostgresDestination, config) as destination:
        postgres.execute("postgres", f"{reach} false")
        try:
            destination.get_ready()
            with pytest.raises(AcmeError), destination.exclusive("p", "s", "r"):
                pass
            destination.get_ready()
        finally:
            postgres.execute("postgres", f"{reach} true")
        with destination.exclusive("p", "s", "r"):
            assert destination.state("p", "s") is None
