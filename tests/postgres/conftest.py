"""What the tests of the Postgres connectors share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from acme_sdk.connectors.postgres import PostgresDestination, PostgresSource
from acme_sdk.lifecycle import open_connector
from tests.servers import DatabaseServer


@pytest.fixture(scope="module")
def shared_database(postgres: DatabaseServer) -> str:
    """One database for a module: making one takes longer than most tests."""
    return postgres.create_database()


@pytest.fixture
def database(postgres: DatabaseServer, shared_database: str) -> str:
    """An empty database."""
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    names = [name for (name,) in postgres.query(shared_database, schemas)]
    drops = [f'DROP SCHEMA "{name}" CASCADE' for name in names]
    postgres.execute(
        shared_database,
        *drops,
        "CREATE SCHEMA public",
        f"ALTER DATABASE {shared_database} RESET ALL",
        f"GRANT CONNECT ON DATABASE {shared_database} TO PUBLIC",
    )
    return shared_database


@pytest.fixture
def run(postgres: DatabaseServer, database: str) -> Callable[..., None]:
    """Run statements in the database."""
    return lambda *statements: postgres.execute(database, *statements)


@pytest.fixture
def query(postgres: DatabaseServer, database: str) -> Callable[[str], list[tuple[Any, ...]]]:
    """Ask the database."""
    return lambda statement: postgres.query(database, statement)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Keeps connectors open until the test ends."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def source(postgres: DatabaseServer, database: str, opened: ExitStack) -> PostgresSource:
    """A source on the database."""
    return opened.enter_context(
        open_connector(PostgresSource, {"connection": postgres.connection_string(database)})
    )


@pytest.fixture
def destination(postgres: DatabaseServer, database: str, opened: ExitStack) -> PostgresDestination:
    """A destination on the database, whose schema is ``loaded``."""
    config = {"connection": postgres.connection_string(database), "schema": "loaded"}
    return opened.enter_context(open_connector(PostgresDestination, config))
