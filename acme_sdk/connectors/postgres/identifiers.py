"""Names in Postgres: tables, columns, and the tables of our own that begin with ``_acme_``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
from psycopg import sql

from acme_sdk.errors import FatalError
from acme_sdk.names import OWN_PREFIX, NameRule

__all__ = [
    "COLUMN_NAMES",
    "OWN_PREFIX",
    "SCHEMA_NAMES",
    "TABLE_NAMES",
    "TableName",
    "advisory_key",
    "check_column_names",
    "columns",
    "lock_stream",
    "refresh_name",
    "refresh_prefix",
    "same_key",
    "stage_name",
    "stage_prefix",
]

_LONGEST = 63  # bytes; Postgres cuts off the rest without an error

#: Which names columns can have: each table has some of Postgres's own, and staged rows have some of ours.
COLUMN_NAMES = NameRule(
    _LONGEST,
    reserved=re.compile(r"(ctid|xmin|xmax|cmin|cmax|tableoid|_acme_row|_acme_nth|_acme_identity)\Z"),
)
TABLE_NAMES = NameRule(_LONGEST, reserved=re.compile(OWN_PREFIX))
SCHEMA_NAMES = NameRule(_LONGEST, reserved=re.compile("pg_"))


@dataclass(frozen=True)
class TableName:
    """A table by its schema and name, as they are, unquoted."""

    schema: str
    name: str

    @classmethod
    def parse(cls, text: str, default_schema: str) -> TableName:
        """Read ``table`` or ``schema.table``.

        Raises:
            FatalError: A part is empty or longer than Postgres allows (code ``name.invalid``).
        """
        schema, dot, name = text.partition(".")
        table = cls(schema, name) if dot else cls(default_schema, text)
        for part in (table.schema, table.name):
            _check(part, f"table {text!r}")
        return table

    @property
    def sql(self) -> sql.Identifier:
        """The quoted name for a statement."""
        return sql.Identifier(self.schema, self.name)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def columns(names: Iterable[str], table: str | None = None) -> sql.Composed:
    """Return quoted column names with commas between them, each with the table's alias if one is given."""
    parts = [(table, name) if table else (name,) for name in names]
    return sql.SQL(", ").join(sql.Identifier(*part) for part in parts)


def same_key(key: Iterable[str]) -> sql.Composed:
    """Return the condition that the rows of two tables, of aliases ``s`` and ``t``, have the same key."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier("t", name), sql.Identifier("s", name)) for name in key
    )


def check_column_names(names: Iterable[str], where: str) -> None:
    """Refuse column names that Postgres cannot hold as they are.

    Raises:
        FatalError: A name is empty, too long or there twice (code ``name.invalid``).
    """
    seen: set[str] = set()
    for name in names:
        _check(name, f"{where}: column {name!r}")
        if name in seen:
            raise FatalError(
                f"{where}: there are two columns {name!r}", code="name.invalid", hint="rename one"
            )
        seen.add(name)


def _check(name: str, where: str) -> None:
    if not name or "\0" in name or len(name.encode()) > _LONGEST:
        raise FatalError(
            f"{where}: a name must have 1 to {_LONGEST} bytes and no NUL",
            code="name.invalid",
            hint="rename it",
        )


def stage_prefix(pipeline: str, stream: str) -> str:
    """Return how the names of all staging tables of one stream of one pipeline begin."""
    return _prefix("stage", pipeline, stream)


def stage_name(pipeline: str, stream: str, run_id: str) -> str:
    """Return the name of the staging table of one run, short enough for Postgres."""
    return stage_prefix(pipeline, stream) + _suffix(run_id)


def refresh_prefix(pipeline: str, stream: str) -> str:
    """Return how the names of all hidden tables of one stream of one pipeline begin."""
    return _prefix("refresh", pipeline, stream)


def refresh_name(pipeline: str, stream: str, refresh: str) -> str:
    """Return the name of the hidden table of one full refresh, short enough for Postgres."""
    return refresh_prefix(pipeline, stream) + _suffix(refresh)


def advisory_key(*parts: str) -> int:
    """Return the number of the advisory lock that stands for these names."""
    return int.from_bytes(bytes.fromhex(_digest(*parts))[:8], "big", signed=True)


def lock_stream(connection: psycopg.Connection, pipeline: str, stream: str) -> None:
    """Wait until no other transaction publishes rows of the stream, and keep others from it."""
    key = advisory_key("load", pipeline, stream)
    connection.execute("SELECT pg_catalog.pg_advisory_xact_lock(%s)", (key,))


def _prefix(kind: str, pipeline: str, stream: str) -> str:
    readable = re.sub(r"[^a-z0-9]+", "_", f"{pipeline}_{stream}".lower()).strip("_")[:20]
    return f"{OWN_PREFIX}{kind}_{readable}_{_digest(pipeline, stream)[:10]}_"


def _suffix(identity: str) -> str:
    """The identity itself where it may stand in a name as it is, otherwise a digest: two are never one."""
    return identity if re.fullmatch(r"[a-z0-9_]{1,15}", identity) else _digest(identity)[:16]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
