"""The destinations, as readers see them who know nothing of syncs."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import psycopg
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from tests.chaos.ledger import SCHEMA, Item, Ledger, Record
from tests.servers import DatabaseServer

__all__ = [
    "ITEMS_SUFFIX",
    "BigQueryTarget",
    "DuckDBTarget",
    "Look",
    "ParquetTarget",
    "PostgresTarget",
    "Target",
]

_NAMES = ", ".join(SCHEMA.names)
#: What the name of the child table of the items ends with.
ITEMS_SUFFIX = "__items"

_LOOK = (
    "SELECT count(*), count(DISTINCT id), sum(changed), min(generation), max(generation), {items}, {orphans}"
    " FROM {table}"
)
_ITEMS = "SELECT _acme_key_id, _acme_position_1, v FROM "


def _look(table: str, items: str | None) -> str:
    """The query by which a reader looks at a table, and at its items in the same moment."""
    if items is None:
        return _LOOK.format(table=table, items=0, orphans=0)
    orphans = (
        f"SELECT count(*) FROM {items} WHERE _acme_record_id NOT IN (SELECT _acme_record_id FROM {table})"
    )
    return _LOOK.format(table=table, items=f"(SELECT count(*) FROM {items})", orphans=f"({orphans})")


class Look(NamedTuple):
    """What a reader sees at one moment."""

    rows: int = 0
    ids: int = 0
    sum_of_changed: int = 0
    first_generation: int | None = None
    last_generation: int | None = None
    items: int = 0
    orphans: int = 0

    @classmethod
    def at(cls, ledger: Ledger) -> Look:
        """What a reader sees when the target holds a ledger."""
        rows = ledger.table()
        changed, generation = sum(row[1] for row in rows), ledger.generation
        return cls(len(rows), len(rows), changed, generation, generation, len(ledger.items()))

    @classmethod
    def of(cls, values: Iterable[Any]) -> Look:
        """What a query returned."""
        return cls(*(value if index in (3, 4) else int(value or 0) for index, value in enumerate(values)))


class Target(ABC):
    """A database of a test's own.

    Attributes:
        name: The kind of destination.
        look_every_s: Seconds between two looks.
    """

    name: str
    look_every_s = 0.05

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The connector's configuration."""

    @abstractmethod
    def look(self, table: str, *, nested: bool) -> Look | None:
        """See what is there: ``Look()`` without a table, ``None`` if nobody can look just now.

        Args:
            table: The table.
            nested: Whether to look at its items, too.
        """

    @abstractmethod
    def rows(self, table: str) -> list[Record]:
        """Read all rows."""

    @abstractmethod
    def items(self, table: str) -> list[Item]:
        """Read all items of a table's records."""

    @abstractmethod
    def tables(self) -> set[str]:
        """Return the names of all tables."""

    def end_leases(self) -> None:  # noqa: B027 - one has them
        """Free the streams of runs that were struck, where that takes time; by default it takes none."""

    def has_stage(self) -> bool | None:
        """Tell whether staged rows are seen; ``None`` where a reader cannot see them."""
        return None

    def checkpoint(self) -> str | None:
        """Return the version of the checkpoint; ``None`` where a reader cannot see it."""
        return None


class PostgresTarget(Target):
    """A database in Postgres.

    Args:
        server: Where it is made.
    """

    name = "postgres"

    def __init__(self, server: DatabaseServer) -> None:
        self._address = server.connection_string(server.create_database())

    def config(self) -> dict[str, Any]:
        return {"connection": self._address}

    def look(self, table: str, *, nested: bool) -> Look | None:
        try:
            [row] = self._query(_look(table, table + ITEMS_SUFFIX if nested else None))
        except psycopg.errors.UndefinedTable:
            return Look()
        except psycopg.OperationalError:
            return None  # the server is stopped
        return Look.of(row)

    def rows(self, table: str) -> list[Record]:
        return self._query(f"SELECT {_NAMES} FROM {table}")

    def items(self, table: str) -> list[Item]:
        return self._query(_ITEMS + table + ITEMS_SUFFIX)

    def tables(self) -> set[str]:
        names = self._query("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace <> ALL"
                            " (ARRAY['pg_catalog', 'information_schema']::regnamespace[])")  # fmt: skip
        return {name for (name,) in names}

    def has_stage(self) -> bool | None:
        return any("_stage_" in name for name in self.tables())

    def checkpoint(self) -> str | None:
        try:
            return str(self._query("SELECT max(xmin::text::bigint) FROM _acme_checkpoints"))
        except psycopg.errors.UndefinedTable:
            return ""

    def _query(self, statement: str) -> list[Any]:
        with psycopg.connect(self._address, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()


class DuckDBTarget(Target):
    """A file, which nobody can read while a sync has it.

    Args:
        folder: Where it is made.
    """

    name = "duckdb"

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{uuid.uuid4().hex}.duckdb"

    def config(self) -> dict[str, Any]:
        return {"path": str(self._path), "lock_timeout_s": 30}

    def look(self, table: str, *, nested: bool) -> Look | None:
        if not self._path.exists():
            return Look()
        query = _look(table, table + ITEMS_SUFFIX if nested else None)
        try:
            with self._connected() as connection:
                row = connection.execute(query).fetchone()
        except duckdb.CatalogException:
            return Look()
        except duckdb.IOException:
            return None  # a sync has it
        return Look.of(row or ())

    def rows(self, table: str) -> list[Record]:
        with self._connected() as connection:
            return _records(connection.execute(f"SELECT {_NAMES} FROM {table}"))

    def items(self, table: str) -> list[Item]:
        with self._connected() as connection:
            return _records(connection.execute(_ITEMS + table + ITEMS_SUFFIX))

    def tables(self) -> set[str]:
        with self._connected() as connection:
            return {
                name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
            }

    def _connected(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self._path), read_only=True)


class ParquetTarget(Target):
    """A folder of files, which a reader lists once and then reads.

    Args:
        folder: Where it is made.
    """

    name = "parquet"

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"lake-{uuid.uuid4().hex}"

    def config(self) -> dict[str, Any]:
        return {"path": str(self._path)}

    def look(self, table: str, *, nested: bool) -> Look | None:
        # One version: who follows the links of both may see the items of the next one.
        data = (self._path / table).resolve()
        if not [*data.glob("*.parquet")]:
            return Look()
        items = data.parent / "children" / (table + ITEMS_SUFFIX)
        query = _look(f"'{data}/*.parquet'", f"'{items}/*.parquet'" if nested else None)
        with duckdb.connect() as connection:
            return Look.of(connection.execute(query).fetchone() or ())

    def rows(self, table: str) -> list[Record]:
        return self._query(f"SELECT {_NAMES} FROM ", table)

    def items(self, table: str) -> list[Item]:
        return self._query(_ITEMS, table + ITEMS_SUFFIX)

    def tables(self) -> set[str]:
        shown = {entry.name for entry in self._path.iterdir() if not entry.name.startswith(".")}
        homes = list((self._path / ".acme" / "tables").iterdir())
        unfinished = {f"{home.name}/next" for home in homes if (home / "next").exists()}
        folders = {(home.name, entry) for home in homes for entry in (home / "current").iterdir()}
        known = ("data", "children", "manifest.json")
        hidden = {f"{name}/{entry.name}" for name, entry in folders if entry.name not in known}
        return shown | unfinished | hidden

    def _query(self, select: str, table: str) -> list[Any]:
        with duckdb.connect() as connection:
            return _records(connection.execute(f"{select}'{self._path / table}/*.parquet'"))


class BigQueryTarget(Target):
    """A dataset in the emulator.

    Args:
        endpoint: The emulator's address.
    """

    name = "bigquery"
    look_every_s = 0.3

    _project = "acme-chaos"

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._dataset = f"chaos_{uuid.uuid4().hex[:12]}"
        with closing(self._client()) as client:
            client.create_dataset(self._dataset)

    def config(self) -> dict[str, Any]:
        return {"project": self._project, "dataset": self._dataset, "api_endpoint": self._endpoint}

    def look(self, table: str, *, nested: bool) -> Look | None:
        needed = {table, table + ITEMS_SUFFIX} if nested else {table}
        if not needed <= self.tables():
            return Look()
        items = self._sql(table + ITEMS_SUFFIX) if nested else None
        [row] = self._query(_look(self._sql(table), items))
        return Look.of(row)

    def rows(self, table: str) -> list[Record]:
        return self._query(f"SELECT {_NAMES} FROM {self._sql(table)}")

    def items(self, table: str) -> list[Item]:
        return self._query(_ITEMS + self._sql(table + ITEMS_SUFFIX))

    def tables(self) -> set[str]:
        with closing(self._client()) as client:
            return {table.table_id for table in client.list_tables(self._dataset)}

    def end_leases(self) -> None:
        with closing(self._client()) as client:
            for table in client.list_tables(self._dataset):
                if table.table_id.startswith("_acme_lock_"):
                    client.delete_table(table, not_found_ok=True)

    def _query(self, statement: str) -> list[Any]:
        with closing(self._client()) as client:
            return [row.values() for row in client.query(statement, job_retry=None).result()]

    def _sql(self, table: str) -> str:
        return f"`{self._dataset}.{table}`"

    def _client(self) -> bigquery.Client:
        return bigquery.Client(
            project=self._project,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": self._endpoint},
        )


def _records(result: duckdb.DuckDBPyConnection) -> list[Any]:
    """The rows of a result, whose times need no other library this way."""
    columns = result.to_arrow_table().columns
    return list(zip(*(column.to_pylist() for column in columns), strict=True))
