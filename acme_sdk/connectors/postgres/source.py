"""Reading from Postgres."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from psycopg import sql

from acme_sdk.catalog import Stream
from acme_sdk.connector import BatchSource
from acme_sdk.connectors.postgres.catalog import Relation, find_relation, readable_relations
from acme_sdk.connectors.postgres.connector import PostgresConnector
from acme_sdk.connectors.postgres.decode import decode, gather
from acme_sdk.connectors.postgres.errors import query_errors
from acme_sdk.connectors.postgres.identifiers import columns
from acme_sdk.connectors.postgres.settings import CONNECTION_FIELDS
from acme_sdk.errors import ConfigurationError, FatalError

__all__ = ["PostgresSource"]


class PostgresSource(PostgresConnector, BatchSource):
    """Tables, partitioned tables, views and materialized views of a database, each a stream.

    A stream is named after its table; one outside the configured schema is ``schema.table``.
    """

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Return the configuration's fields."""
        return CONNECTION_FIELDS

    def streams(self) -> Sequence[Stream]:
        """Return what the user may read.

        Raises:
            AcmeError: The server cannot be reached, or refuses us.
        """
        with self._connection() as connection, query_errors("list of streams"):
            return [self._stream(relation) for relation in readable_relations(connection)]

    def stream(self, name: str) -> Stream:
        """Return one stream by name, without reading the whole catalog.

        Raises:
            ConfigurationError: There is none of that name (code ``stream.unknown``).
        """
        with self._connection() as connection, query_errors(f"stream {name!r}"):
            relation = find_relation(connection, name, self.schema)
        return self._stream(relation) if relation else super().stream(name)

    def extract_batches(self, stream: Stream, resume_from: str | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the stream's records as of one moment, in batches of about 4 MiB of text; at least one batch.

        Args:
            stream: One of `streams`.
            resume_from: Only records whose cursor field is this value or higher; ``NULL`` is neither.

        Raises:
            ConfigurationError: No such stream, or its cursor field cannot serve as one.
            FatalError: A value has no exact place in Arrow (code ``data.not_representable``), or the table
                changed since ``stream`` was described (code ``stream.changed``).
            RetriableError: The connection was lost.
        """
        where = f"stream {stream.name!r}"
        with self._connection() as connection, query_errors(where):
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            relation = find_relation(connection, stream.name, self.schema)
            if relation is None:
                raise ConfigurationError(
                    f"there is no stream {stream.name!r} any more", code="stream.unknown"
                )
            schema = _agreed_schema(stream, relation)
            condition = _condition(stream, relation, resume_from)
            query = sql.SQL("SELECT {} FROM {} {}").format(
                columns(schema.names), relation.table.sql, condition
            )
            with connection.cursor().copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(query)) as rows:
                for block in gather(rows):
                    yield decode(block, schema, where)

    def _stream(self, relation: Relation) -> Stream:
        table = relation.table
        name = table.name if table.schema == self.schema else str(table)
        return Stream(name, relation.schema, relation.primary_key)


def _agreed_schema(stream: Stream, relation: Relation) -> pa.Schema:
    """The schema that the stream was described with, if the table still has it; new columns do not count."""
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
            raise FatalError(
                f"stream {stream.name!r}: the column {field.name!r} {found}",
                code="stream.changed",
                hint="the table was altered meanwhile: run the sync again",
            )
    return stream.schema


def _condition(stream: Stream, relation: Relation, resume_from: str | None) -> sql.Composable:
    if stream.cursor_field is None:
        return sql.SQL("")
    kind = relation.types.get(stream.cursor_field)
    if kind is None:
        raise ConfigurationError(
            f"stream {stream.name!r}: there is no column {stream.cursor_field!r} to be the cursor",
            code="cursor.unknown",
            hint=f"it has {', '.join(relation.types)}",
        )
    arrow = relation.schema.field(stream.cursor_field).type
    if isinstance(arrow, (pa.OpaqueType, pa.JsonType)):
        raise ConfigurationError(
            f"stream {stream.name!r}: {stream.cursor_field!r} of type {kind.printed} cannot be the cursor",
            code="cursor.unordered",
            hint="use a number with fixed precision, a time, a UUID or text",
        )
    if resume_from is None:
        return sql.SQL("")
    column = sql.Identifier(stream.cursor_field)
    if pa.types.is_string(arrow):
        # The highest text is found by its bytes, so it must be compared by them, not as the locale has it.
        return sql.SQL('WHERE {}::text COLLATE "C" >= {}').format(column, sql.Literal(resume_from))
    # A cursor's type is built in, so its name can stand in a statement as the catalog prints it.
    kind_name = sql.SQL(kind.printed)
    return sql.SQL("WHERE {} >= {}::{}").format(column, sql.Literal(resume_from), kind_name)
