"""The staging table: where a load's rows wait, out of readers' sight."""

from __future__ import annotations

import psycopg
import pyarrow as pa
from psycopg import sql

from acme_sdk.arrow import widen
from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.copy_batch import CopyBatch, CopyLayout
from acme_sdk.connectors.postgres.copy_in import CopyIn, Form, copy_converted
from acme_sdk.connectors.postgres.encode import encode
from acme_sdk.connectors.postgres.errors import Spot
from acme_sdk.connectors.postgres.identifiers import TableName, check_column_names, columns, same_key
from acme_sdk.connectors.postgres.own_tables import retype_if_empty
from acme_sdk.connectors.postgres.types import binary_form, column_type
from acme_sdk.encoded import Columns, decoded
from acme_sdk.errors import ConfigurationError, FatalError

__all__ = ["ORDER_COLUMN", "Stage"]

#: Numbers the staged rows in the order they came, where that matters.
ORDER_COLUMN = "_acme_row"


class Stage:
    """One staging table, made with the first batch.

    Attributes:
        table: Its name.
        lasting: Whether the table may become the target.
        types: The columns staged so far, and their SQL types as the server prints them.
        rows: How many rows were staged.

    Args:
        connection: In autocommit mode: what was staged outlives a lost connection, until the next load.
        table: The name to use.
        where: The stream, for errors.
        ordered: Whether to number the rows in `ORDER_COLUMN`.
        lasting: Whether the table may become the target: it is then logged, as a target must be.
    """

    def __init__(
        self, connection: Connection, table: TableName, where: str, *, ordered: bool, lasting: bool
    ) -> None:
        self.table = table
        self.lasting = lasting
        self.types: dict[str, str] = {}
        self.rows = 0
        self._batches = 0
        self._connection = connection
        self._where = where
        self._ordered = ordered
        self._exists = False
        self._fields: dict[str, pa.Field] = {}
        self._untyped: dict[str, None] = {}
        self._copy: CopyIn | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no batch came at all, not even one without rows."""
        return not self._exists

    def take(self, batch: Columns) -> None:
        """Add the rows of a batch, and the columns that earlier batches did not have.

        They are there after `pause` at the latest.

        Raises:
            FatalError: A name, type or value that Postgres cannot hold; the error names the column.
        """
        self._batches += 1
        try:
            self._add(batch)
        except BaseException as error:
            if self._copy is not None:
                self._copy.abandon(error)
            raise

    def pause(self) -> None:
        """Bring all rows into the table that are still on their way; nothing else can be done before."""
        if self._copy is not None:
            self._copy.finish()
            self._copy = None

    def spot(self, error: psycopg.Error) -> Spot:
        """Return where among the rows on their way the server found an error."""
        return Spot.of(error) if self._copy is None else self._copy.spot(error)

    def _add(self, batch: Columns) -> None:
        check_column_names(batch.schema.names, self._where)
        # A column that is all NULL and of no type yet waits for a batch that knows its type.
        typed = [field for field in batch.schema if not pa.types.is_null(field.type)]
        self._untyped |= {field.name: None for field in batch.schema if pa.types.is_null(field.type)}
        self._prepare(pa.schema(typed))
        if not batch.num_rows:
            return
        names = [field.name for field in typed]
        if isinstance(batch, CopyBatch) and self._has_forms(batch.layout):
            self._write(names, "binary", batch.data, batch.num_rows, batch.num_rows)
        elif isinstance(batch, CopyBatch) and self._has_forms(batch.layout, or_text=True):
            self.pause()
            types = {name: self.types[name] for name in names}
            copy_converted(self._connection, self.table, types, batch.layout.wire_types, batch.data)
        else:
            rows = encode(_select(decoded(batch), names), self._where, first_row=self.rows + 1)
            self._write(names, "csv", rows, batch.num_rows, rows.count(b"\n"))
        self.rows += batch.num_rows

    def _write(self, names: list[str], form: Form, data: bytes, rows: int, lines: int) -> None:
        if self._copy is not None and not self._copy.takes(names, form):
            self.pause()
        if self._copy is None:
            self._copy = CopyIn(self._connection, self.table, names, form)
        self._copy.begin(self._batches, self.rows + 1, rows, lines)
        self._copy.write(data)

    def finish(self) -> None:
        """Give the columns that never had a value the type text."""
        missing = {name: "text" for name in self._untyped if name not in self.types}
        self._add_columns(missing)

    def require_columns(self, key: tuple[str, ...]) -> None:
        """Make sure that the columns of a key were staged.

        Raises:
            ConfigurationError: One was not (code ``primary_key.missing``).
        """
        if missing := [name for name in key if name not in self.types]:
            raise ConfigurationError(
                f"{self._where}: the primary key's column {missing[0]!r} is not among the columns loaded",
                code="primary_key.missing",
                hint=f"the columns are {', '.join(self.types)}",
            )

    def require_key(self, key: tuple[str, ...]) -> None:
        """Make sure that each row has a value in each column of a key.

        Raises:
            FatalError: A row has ``NULL`` in its key (code ``key.null``).
        """
        null = sql.SQL(" OR ").join(sql.SQL("{} IS NULL").format(sql.Identifier(name)) for name in key)
        query = sql.SQL("SELECT 1 FROM {} WHERE {} LIMIT 1").format(self.table.sql, null)
        if self._connection.execute(query).fetchone():
            raise FatalError(
                f"{self._where}: a row has NULL in its primary key ({', '.join(key)})",
                code="key.null",
                hint="choose columns that always have a value, or another write mode",
            )

    def keep_last(self, key: tuple[str, ...]) -> int:
        """Remove the rows that a later one of the same key replaces; return how many are left."""
        order = sql.Identifier(ORDER_COLUMN)
        statement = sql.SQL(
            "DELETE FROM {} AS t USING (SELECT {}, max({}) AS last FROM {} GROUP BY {}) AS s"
            " WHERE {} AND t.{} < s.last"
        ).format(self.table.sql, columns(key), order, self.table.sql, columns(key), same_key(key), order)
        return self.rows - self._connection.execute(statement).rowcount

    def retype(self, name: str, kind: str) -> bool:
        """Give a column another type if it has no values, and tell whether that was so."""
        if empty := retype_if_empty(self._connection, self.table, name, kind):
            self.types[name] = kind
        return empty

    def become(self, table: TableName, key: tuple[str, ...] = ()) -> None:
        """Turn the staging table into a target.

        Args:
            table: The target's name, in the same schema.
            key: The target's primary key; none if empty.
        """
        if self._ordered:
            drop = sql.SQL("ALTER TABLE {} DROP COLUMN {}")
            self._connection.execute(drop.format(self.table.sql, sql.Identifier(ORDER_COLUMN)))
        rename = sql.SQL("ALTER TABLE {} RENAME TO {}")
        self._connection.execute(rename.format(self.table.sql, sql.Identifier(table.name)))
        if key:
            # After the renaming, since the index is named after its table.
            add = sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})")
            self._connection.execute(add.format(table.sql, columns(key)))

    def drop(self) -> None:
        """Remove the table, if it was made."""
        self._connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(self.table.sql))

    def _has_forms(self, layout: CopyLayout, *, or_text: bool = False) -> bool:
        """Tell whether the columns are of the types in whose binary forms rows come, or else come as text."""
        forms = [binary_form(self.types[name]) for name in layout.schema.names]
        pairs = zip(forms, layout.wire_types, strict=True)
        return bool(forms) and all(form == wire or (or_text and wire == "text") for form, wire in pairs)

    def _prepare(self, schema: pa.Schema) -> None:
        known = {name: field.type for name, field in self._fields.items()}
        if self._exists and all(known.get(field.name) == field.type for field in schema):
            return
        self.pause()
        if not self._exists:
            self._create(schema)
            return
        self._widen([field for field in schema if field.name in self._fields])
        added = [field for field in schema if field.name not in self._fields]
        self._add_columns({field.name: self._server_type(field) for field in added})
        self._fields |= {field.name: field for field in added}

    def _create(self, schema: pa.Schema) -> None:
        types = {field.name: self._server_type(field) for field in schema}
        parts = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in types.items()]
        if self._ordered:
            number = sql.SQL("{} bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000)")
            parts.insert(0, number.format(sql.Identifier(ORDER_COLUMN)))
        statement = sql.SQL("CREATE {} TABLE {} ({})").format(
            sql.SQL("" if self.lasting else "UNLOGGED"), self.table.sql, sql.SQL(", ").join(parts)
        )
        self._connection.execute(statement)
        self._exists = True
        self.types = types
        self._fields = {field.name: field for field in schema}

    def _widen(self, fields: list[pa.Field]) -> None:
        """Let known columns hold the values of new types, too."""
        for field in fields:
            known = self._fields[field.name]
            if field.type == known.type:
                continue
            wider = widen(known.type, field.type)
            if wider is None:
                raise FatalError(
                    f"{self._where}, column {field.name!r}: it was {known.type} in earlier batches and is"
                    f" {field.type} now; no type holds both",
                    code="schema.type_changed",
                    hint="give the column one type in the source",
                )
            self._fields[field.name] = known.with_type(wider)
            kind = self._server_type(self._fields[field.name])
            if kind != self.types[field.name]:
                name, printed = sql.Identifier(field.name), sql.SQL(kind)
                statement = sql.SQL("ALTER TABLE {} ALTER COLUMN {} TYPE {}").format(
                    self.table.sql, name, printed
                )
                self._connection.execute(statement)
                self.types[field.name] = kind

    def _add_columns(self, types: dict[str, str]) -> None:
        if not types:
            return
        additions = [
            sql.SQL("ADD COLUMN {} {}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in types.items()
        ]
        statement = sql.SQL("ALTER TABLE {} {}").format(self.table.sql, sql.SQL(", ").join(additions))
        self._connection.execute(statement)
        self.types |= types

    def _server_type(self, field: pa.Field) -> str:
        """The type as the server prints it: safe in a statement, whatever the field's metadata say.

        An opaque type that this server does not have becomes text.
        """
        wanted = column_type(field)
        if not isinstance(field.type, pa.OpaqueType):
            return wanted
        query = (
            "SELECT pg_catalog.format_type(oid, -1) FROM pg_catalog.pg_type"
            " WHERE oid = pg_catalog.to_regtype(%s) AND typtype <> 'p'"
        )
        try:
            found = self._connection.execute(query, (wanted,)).fetchone()
        except psycopg.errors.SyntaxError:
            found = None  # no name of a type at all
        return str(found[0]) if found else "text"


def _select(batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
    return batch if names == batch.schema.names else batch.select(names)
