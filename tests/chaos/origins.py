"""The sources, as the tests fill them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import psycopg

from acme_sdk import WriteMode
from tests.chaos.ledger import SCHEMA, Ledger
from tests.servers import DatabaseServer

__all__ = ["Origin", "PostgresOrigin", "RowOrigin"]

_NAMES = ", ".join(SCHEMA.names)
_CREATE = (
    "CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY, changed bigint NOT NULL, generation bigint,"
    " v text, paid numeric(12, 2), seen timestamptz, note text)"
)


class Origin(ABC):
    """Where the records of a ledger come from.

    Attributes:
        name: The kind of source.
        at_once: Whether a sync loads all of them in one transaction.
    """

    name: str
    at_once: bool

    @abstractmethod
    def hold(self, ledger: Ledger) -> None:
        """Have the records of a ledger from now on."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The connector's configuration."""


class RowOrigin(Origin):
    """A source of rows, which is told the ledger.

    Args:
        name: Its name in `tests.chaos.sources`.
    """

    at_once = False

    def __init__(self, name: str) -> None:
        self.name = name

    def hold(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def config(self) -> dict[str, Any]:
        return {"ledger": self._ledger.to_json()}


class PostgresOrigin(Origin):
    """A table in Postgres, with the last record of each id.

    Args:
        server: Where the database is made.
    """

    name = "postgres"
    at_once = True

    def __init__(self, server: DatabaseServer) -> None:
        self._address = server.connection_string(server.create_database())
        self._held: Ledger | None = None

    def hold(self, ledger: Ledger) -> None:
        goes_on = self._held is not None and self._held.generation == ledger.generation
        begin = self._held.length if self._held is not None and goes_on else 0
        with psycopg.connect(self._address) as connection, connection.cursor() as cursor:
            cursor.execute(_CREATE)
            if not goes_on:
                cursor.execute("DELETE FROM orders")
            cursor.execute("CREATE TEMP TABLE news (LIKE orders) ON COMMIT DROP")
            with cursor.copy(f"COPY news ({_NAMES}) FROM STDIN".encode()) as copy:
                for record in ledger.records(begin):
                    copy.write_row(record)
            if ledger.mode is WriteMode.UPSERT:
                cursor.execute("DELETE FROM orders USING news WHERE orders.id = news.id")
            # Of the versions of a record that came at once the last one.
            cursor.execute("INSERT INTO orders SELECT DISTINCT ON (id) * FROM news ORDER BY id, seen DESC")
        self._held = ledger

    def config(self) -> dict[str, Any]:
        return {"connection": self._address}
