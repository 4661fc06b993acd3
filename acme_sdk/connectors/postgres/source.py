"""Reading from Postgres."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql

from acme_sdk.catalog import Stream
from acme_sdk.config import ConnectorConfig
from acme_sdk.connectors.postgres.catalog import Relation, find_relation, readable_relations
from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.connector import PostgresConnector
from acme_sdk.connectors.postgres.copy_batch import CopyBatch, CopyLayout
from acme_sdk.connectors.postgres.copy_out import copy_out
from acme_sdk.connectors.postgres.errors import query_errors
from acme_sdk.connectors.postgres.parts import begin_reading, parts_of, shared_moment
from acme_sdk.connectors.postgres.settings import CONNECTION_FIELDS
from acme_sdk.connectors.postgres.types import wire_type
from acme_sdk.cursor import cursor_columns, split_cursor
from acme_sdk.errors import AcmeError, ConfigurationError, FatalError
from acme_sdk.source import BatchSource

__all__ = ["PostgresSource"]


class PostgresSource(PostgresConnector, BatchSource):
    """Tables, partitioned tables, views and materialized views of a database, each a stream.

    A stream is named after its table; one outside the configured schema is ``schema.table``.
    """

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Return the configuration's fields."""
        return CONNECTION_FIELDS | {
            "read_connections": {
                "type": "integer",
                "default": 2,
                "minimum": 1,
                "maximum": 16,
                "description": "How many connections may read a large table side by side",
            },
        }

    def setup(self, config: ConnectorConfig) -> None:
        """Check the settings; the server is not asked yet.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        super().setup(config)
        self._read_connections: int = config["read_connections"]

    def streams(self) -> Sequence[Stream]:
        """Return what the user may read.

        Raises:
            AcmeError: The server cannot be reached, or refuses us.
        """
        with self._sessions.asking() as connection, query_errors("list of streams"):
            return [self._stream(relation) for relation in readable_relations(connection)]

    def stream(self, name: str) -> Stream:
        """Return one stream by name, without reading the whole catalog.

        Raises:
            ConfigurationError: There is none of that name (code ``stream.unknown``).
        """
        with self._sessions.asking() as connection, query_errors(f"stream {name!r}"):
            relation = find_relation(connection, name, self.schema)
        return self._stream(relation) if relation else super().stream(name)

    def extract_batches(self, stream: Stream, resume_from: str | None = None) -> Iterator[CopyBatch]:
        """Yield the stream's records as of one moment, in batches of about 1 MiB; at least one batch.

        Args:
            stream: One of `streams`.
            resume_from: Only records whose cursor is this value or higher; ``NULL`` is neither.

        Raises:
            ConfigurationError: No such stream, or its cursor field cannot serve as one.
            FatalError: A value has no exact place in Arrow (code ``data.not_representable``), or the table
                changed since ``stream`` was described (code ``stream.changed``).
            RetriableError: The connection was lost.
        """
        return self._read(stream, resume_from)

    def extract_range(self, stream: Stream, begin: str, end: str) -> Iterator[CopyBatch]:
        """Yield the records whose cursor is from ``begin`` to ``end``; see `extract_batches`."""
        return self._read(stream, begin, end)

    def _read(self, stream: Stream, begin: str | None, end: str | None = None) -> Iterator[CopyBatch]:
        where = f"stream {stream.name!r}"
        with self._sessions.asking() as connection, query_errors(where):
            begin_reading(connection)
            relation = find_relation(connection, stream.name, self.schema)
            if relation is None:
                raise ConfigurationError(
                    f"there is no stream {stream.name!r} any more", code="stream.unknown"
                )
            schema = _agreed_schema(stream, relation)
            whole = _condition(stream, relation, begin, end)
            parts = parts_of(connection, relation.table) if begin is None and end is None else []
            selection = sql.SQL("SELECT {} FROM {} ").format(_selected(schema, relation), relation.table.sql)
            queries = [selection + condition for condition in parts or [whole]]
            layout = CopyLayout(schema, tuple(_wire_type(name, relation) for name in schema.names), where)
            with ExitStack() as helpers:
                readers = self._readers(connection, helpers) if parts else iter([connection])
                for rows, count in copy_out(readers, queries, where):
                    yield CopyBatch(layout, rows, count)
            connection.commit()

    def _readers(self, first: Connection, opened: ExitStack) -> Iterator[Connection]:
        """The connections that read parts: the first and, as they are asked for, more that see its moment."""
        moment = shared_moment(first)
        yield first
        for _ in range(1, self._read_connections):
            try:
                helper = opened.enter_context(self.connection())
                begin_reading(helper, moment)
            except (psycopg.Error, AcmeError):
                return  # the server allows no more, or behind the address is another one as well
            yield helper

    def _stream(self, relation: Relation) -> Stream:
        table = relation.table
        name = table.name if table.schema == self.schema else str(table)
        return Stream(name, relation.schema, relation.primary_key, unique=relation.is_unique)


def _agreed_schema(stream: Stream, relation: Relation) -> pa.Schema:
    """The schema that the stream was described with, if the table still has it; new columns do not count."""
    if stream.unique and (not relation.is_unique or set(relation.primary_key) != set(stream.primary_key)):
        raise _changed(stream, "it has no longer its primary key")
    if stream.schema is None:
        return relation.schema
    for field in stream.schema:
        index = relation.schema.get_field_index(field.name)
        if index < 0 or relation.schema.field(index).type != field.type:
            found = (
                "is gone"
                if index < 0
                else f"is {relation.schema.field(index).type}, not {field.type} as before"
            )
            raise _changed(stream, f"the column {field.name!r} {found}")
    return stream.schema


def _changed(stream: Stream, what: str) -> FatalError:
    return FatalError(
        f"stream {stream.name!r}: {what}",
        code="stream.changed",
        hint="the table was altered meanwhile: run the sync again",
    )


def _wire_type(column: str, relation: Relation) -> str:
    return wire_type(relation.types[column]) or "text"


def _selected(schema: pa.Schema, relation: Relation) -> sql.Composable:
    """The columns of a query, in forms that we read."""
    return sql.SQL(", ").join(
        sql.Identifier(name) if wire_type(relation.types[name]) else _PRINTED.format(sql.Identifier(name))
        for name in schema.names
    )


# A cast to text is not always what the type prints (inet), and a composite with NULLs in it "is null".
_PRINTED = sql.SQL("CASE WHEN pg_catalog.num_nulls({0}) = 0 THEN pg_catalog.concat({0}) END")


def _condition(stream: Stream, relation: Relation, begin: str | None, end: str | None) -> sql.Composable:
    columns = [_cursor_column(stream, relation, name) for name in cursor_columns(stream.cursor_field)]
    limits = [
        _limit(columns, sign, split_cursor(text, stream.cursor_field or ""))
        for sign, text in ((">=", begin), ("<=", end))
        if text is not None and columns
    ]
    return sql.SQL("WHERE {}").format(sql.SQL(" AND ").join(limits)) if limits else sql.SQL("")


def _limit(
    columns: Sequence[tuple[sql.Composable, sql.SQL]], sign: str, texts: Sequence[str]
) -> sql.Composable:
    """Compare rows, one column after the other, which an index on these columns serves as it is."""
    pairs = list(zip(columns, texts, strict=False))
    return sql.SQL("ROW({}) {} ROW({})").format(
        sql.SQL(", ").join(column for (column, _), _ in pairs),
        sql.SQL(sign),
        sql.SQL(", ").join(sql.SQL("{}{}").format(sql.Literal(text), cast) for (_, cast), text in pairs),
    )


def _cursor_column(stream: Stream, relation: Relation, name: str) -> tuple[sql.Composable, sql.SQL]:
    """Return a column of the cursor as it is compared, and the cast for the texts of its values."""
    kind = relation.types.get(name)
    if kind is None:
        raise ConfigurationError(
            f"stream {stream.name!r}: there is no column {name!r} to be the cursor",
            code="cursor.unknown",
            hint=f"it has {', '.join(relation.types)}",
        )
    arrow = relation.schema.field(name).type
    if isinstance(arrow, (pa.OpaqueType, pa.JsonType)):
        raise ConfigurationError(
            f"stream {stream.name!r}: {name!r} of type {kind.printed} cannot be the cursor",
            code="cursor.unordered",
            hint="use a number with fixed precision, a time, a UUID or text",
        )
    if pa.types.is_string(arrow):
        # The highest text is found by its bytes, so it must be compared by them, not as the locale has it.
        return sql.SQL('{}::text COLLATE "C"').format(sql.Identifier(name)), sql.SQL("")
    # A cursor's type is built in, so its name can stand in a statement as the catalog prints it.
    return sql.Identifier(name), sql.SQL("::" + kind.printed)
