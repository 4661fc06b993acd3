"""The sample data."""

from __future__ import annotations

from acme_orchestration.dev.flights import load_flights
from tests.servers import DatabaseServer

ROWS = [("airlines", 16), ("airports", 1458), ("planes", 3322), ("weather", 26115), ("flights", 336776)]


def test_all_tables_are_loaded_once_with_types_and_missing_values(postgres: DatabaseServer) -> None:
    database = postgres.create_database()
    url = postgres.connection_string(database)
    assert list(load_flights(url)) == ROWS
    assert list(load_flights(url)) == []

    for table, rows in ROWS:
        assert postgres.query(database, f"SELECT count(*) FROM {table}") == [(rows,)]
    assert postgres.query(database, "SELECT count(*) FROM flights WHERE dep_time IS NULL") == [(8255,)]
    first = (
        "SELECT dep_delay, tailnum, time_hour AT TIME ZONE 'UTC' = '2013-01-01 10:00' FROM flights LIMIT 1"
    )
    assert postgres.query(database, first) == [(2, "N14228", True)]


def test_a_table_that_was_dropped_comes_back(postgres: DatabaseServer) -> None:
    database = postgres.create_database()
    url = postgres.connection_string(database)
    list(load_flights(url))
    postgres.execute(database, "DROP TABLE planes")
    assert list(load_flights(url)) == [("planes", 3322)]
