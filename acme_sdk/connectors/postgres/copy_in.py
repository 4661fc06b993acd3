"""Rows on their way into a table by ``COPY … FROM STDIN``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Literal, NamedTuple

import psycopg
from psycopg import sql

from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.copy_out import SIGNATURE, TRAILER
from acme_sdk.connectors.postgres.errors import Spot
from acme_sdk.connectors.postgres.identifiers import TableName, columns

__all__ = ["CopyIn", "Form", "copy_converted"]

Form = Literal["csv", "binary"]

# When a COPY ends all the same: one that takes too long may meet a time-out for statements.
_LONGEST_S = 10.0


_OPTIONS: Mapping[Form, str] = {"csv": "FORMAT csv, HEADER", "binary": "FORMAT binary"}
# Of binary rows: no flags, and nothing between header and rows. Of CSV a line that does not count: the server
# counts the lines within values only once it has seen how a line ends.
_HEADERS: Mapping[Form, bytes] = {"csv": b"\n", "binary": SIGNATURE + bytes(8)}


class _Part(NamedTuple):
    """A batch that is part of a COPY, which counts lines: those within values, too."""

    batch: int
    first_row: int
    rows: int
    lines: int

    def row(self, line: int) -> int | None:
        """The row that a line is of; ``None`` if there are others that take more than one."""
        return self.first_row + line - 1 if self.lines == self.rows else None


class CopyIn:
    """A COPY that goes on over several batches of rows, which is a tenth faster than one for each.

    Args:
        connection: Where the table is. Nothing else may be asked of it before the end.
        table: The table.
        names: Its columns that the rows have; none for rows without columns.
        form: ``csv``, or ``binary`` for rows in Postgres's binary form, without header and trailer.
    """

    def __init__(self, connection: Connection, table: TableName, names: Sequence[str], form: Form) -> None:
        self._names = names
        self._form = form
        self._until = time.monotonic() + _LONGEST_S
        self._parts: list[_Part] = []
        # A list of columns may not be empty.
        listed = sql.SQL("({})").format(columns(names)) if names else sql.SQL("")
        statement = sql.SQL("COPY {} {} FROM STDIN ({})").format(table.sql, listed, sql.SQL(_OPTIONS[form]))
        self._end = ExitStack()
        self._copy = self._end.enter_context(connection.cursor().copy(statement))
        self._copy.write(_HEADERS[form])

    def takes(self, names: Sequence[str], form: Form) -> bool:
        """Tell whether such rows can be added, and it has not gone on for long enough."""
        return (names, form) == (self._names, self._form) and time.monotonic() < self._until

    def begin(self, batch: int, first_row: int, rows: int, lines: int) -> None:
        """Say what is written next.

        Args:
            batch: The number of the batch in the load.
            first_row: The number of its first row in the load.
            rows: How many rows it has.
            lines: In how many lines.
        """
        self._parts.append(_Part(batch, first_row, rows, lines))

    def spot(self, error: psycopg.Error) -> Spot:
        """Return where among the rows the server found an error."""
        told = Spot.of(error)
        line = (told.row or 0) - (self._form == "csv")
        for part in self._parts if line > 0 else ():
            if line <= part.lines:
                return replace(told, row=part.row(line), batch=part.batch)
            line -= part.lines
        return replace(told, row=None)

    def write(self, rows: bytes) -> None:
        """Add rows."""
        self._copy.write(rows)

    def finish(self) -> None:
        """End it: the rows are in the table.

        Raises:
            psycopg.Error: The server refuses some.
        """
        with self._end:
            if self._form == "binary":
                self._copy.write(TRAILER)

    def abandon(self, error: BaseException) -> None:
        """End it because of an error: its rows are not in the table."""
        with suppress(psycopg.Error):
            self._end.__exit__(type(error), error, error.__traceback__)


def _copy_binary(connection: Connection, table: TableName, names: Sequence[str], rows: bytes) -> None:
    """Add rows in Postgres's binary form by a COPY of their own; otherwise as `CopyIn`."""
    copy = CopyIn(connection, table, names, "binary")
    copy.write(rows)
    copy.finish()


def copy_converted(
    connection: Connection, table: TableName, types: Mapping[str, str], wire_types: Sequence[str], rows: bytes
) -> None:
    """Add rows some of whose columns are there as what Postgres prints, for it to read.

    Args:
        connection: In autocommit mode.
        table: The table.
        types: Its columns that the rows have, and their types as the server prints them.
        wire_types: The types in whose binary form the columns are there: the table's, or ``text``.
        rows: The rows, in Postgres's binary form, without header and trailer.
    """
    passing = TableName(table.schema, f"{table.name}_t")
    held = sql.SQL(", ").join(
        sql.SQL("{} pg_catalog.{}").format(sql.Identifier(name), sql.Identifier(kind))
        for name, kind in zip(types, wire_types, strict=True)
    )
    read = sql.SQL(", ").join(
        sql.SQL("CAST({} AS {})").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in types.items()
    )
    insert = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}")
    # Of a table that one transaction makes and drops, nothing can be left over.
    with connection.transaction():
        connection.execute(sql.SQL("CREATE UNLOGGED TABLE {} ({})").format(passing.sql, held))
        _copy_binary(connection, passing, list(types), rows)
        connection.execute(insert.format(table.sql, columns(types), read, passing.sql))
        connection.execute(sql.SQL("DROP TABLE {}").format(passing.sql))
