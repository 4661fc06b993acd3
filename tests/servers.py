"""Real servers that tests talk to."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from acme_orchestration.dev.postgres import PostgresServer

__all__ = ["DatabaseServer", "server_folder"]


@contextmanager
def server_folder() -> Iterator[Path]:
    """A folder for a Postgres to have its data in.

    Root's Postgres runs as another user, whom each new session of pytest shuts out of pytest's own folders.
    """
    with tempfile.TemporaryDirectory(prefix="acme_server_") as folder:
        yield Path(folder)


class DatabaseServer(PostgresServer):
    """A Postgres server that can make databases and answer questions about them."""

    def create_database(self) -> str:
        """Create an empty database and return its name."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return name

    def crash(self) -> None:
        """Stop the server at once, without any tidying up; `start` then recovers what was committed."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate")

    def execute(self, database: str, *statements: str) -> None:
        """Run statements, each committed by itself."""
        with psycopg.connect(self.connection_string(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def query(self, database: str, statement: str) -> list[tuple[object, ...]]:
        """Return all rows of a query."""
        with psycopg.connect(self.connection_string(database)) as connection:
            return connection.execute(statement.encode()).fetchall()
