"""The target table: its columns and keys, and how staged rows go into it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import LiteralString, Protocol

from psycopg import sql

from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.identifiers import TableName, columns, same_key
from acme_sdk.connectors.postgres.types import holds
from acme_sdk.errors import FatalError

__all__ = ["Rows", "Target"]

# Their order depends on a collation, unless it is that of their bytes.
_TEXTS = ("text", "character varying", "character", "citext", "name")


class Rows(Protocol):
    """Rows that wait in a table of ours."""

    @property
    def table(self) -> TableName:
        """The table."""

    @property
    def types(self) -> dict[str, str]:
        """Its columns, and their types as the server prints them."""

    def retype(self, name: str, kind: str) -> bool:
        """Give a column another type if it has no values, and tell whether that was so."""


class Target:
    """A table that rows are loaded into. All methods work in the present transaction.

    Attributes:
        table: Its name.
        types: Its columns, and their types as the server prints them.
        exists: Whether it exists.

    Args:
        connection: The connection whose transaction it is.
        table: The table's name.
        where: The stream, for errors.
    """

    def __init__(self, connection: Connection, table: TableName, where: str) -> None:
        self.table = table
        self._connection = connection
        self._where = where
        present = self._read_types()
        self.exists = present is not None
        self.types = present or {}

    def prepare(self, rows: Rows, key: tuple[str, ...] = ()) -> None:
        """Make the table or add the columns it lacks, and let no other writer in until the transaction ends.

        Args:
            rows: Say which columns are needed.
            key: The primary key of a table that is made here; none if empty.

        Raises:
            FatalError: A column of the table cannot hold the new values unchanged.
        """
        if not self.exists:
            self._create(rows.types, key)
        else:
            # Readers go on as before; this also makes "is this key there?" a question with a lasting answer.
            self._run("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE")
            self._add_columns(rows)

    def append(self, rows: Rows) -> int:
        """Add all rows; return their number."""
        # A table may have no columns at all, but a list of columns may not be empty.
        names = columns(rows.types)
        listed = sql.SQL("({})").format(names) if rows.types else sql.SQL("")
        return self._run("INSERT INTO {} {} SELECT {} FROM {}", listed, names, rows.table.sql)

    def append_missing(
        self, rows: Rows, key: Sequence[str], cursor: Sequence[str], start: Sequence[tuple[str, str]]
    ) -> int:
        """Add the rows, but for those that an earlier extraction has brought already.

        An extraction begins at or below the cursor value that the last one ended with, so rows from there on
        come again. Rows are the same when key and cursor are. Without a key they are when all columns are,
        and are counted: of three new ones of which the table has two, one is added.

        Args:
            rows: The rows.
            key: Columns that identify a row, or none.
            cursor: The cursor's columns.
            start: The cursor value that the extraction began with: columns, each with its text.

        Returns:
            The number of rows added.
        """
        identity = [*key, *cursor] if key else list(rows.types)
        new = [sql.SQL("{}::{}").format(sql.Identifier(name), _type(self.types[name])) for name in identity]
        again = sql.SQL("ROW({}) >= ROW({})").format(
            sql.SQL(", ").join(_by_bytes(name, self.types[name]) for name, _ in start),
            sql.SQL(", ").join(
                sql.SQL("{}::{}").format(sql.Literal(text), _type(self.types[name])) for name, text in start
            ),
        )
        missing = sql.SQL("held.times IS NULL" if key else "again._acme_nth > coalesce(held.times, 0)")
        return self._run(
            "WITH held AS (SELECT ROW({})::text AS identity, count(*) AS times FROM {} WHERE {} GROUP BY 1),"
            " again AS (SELECT *, ROW({})::text AS _acme_identity,"
            " row_number() OVER (PARTITION BY ROW({})::text) AS _acme_nth FROM {} WHERE {})"
            " INSERT INTO {} ({}) SELECT {} FROM {} WHERE ({}) IS NOT TRUE"
            " UNION ALL SELECT {} FROM again LEFT JOIN held ON held.identity = again._acme_identity"
            " WHERE {}",
            *(columns(identity), self.table.sql, again),
            *(sql.SQL(", ").join(new), sql.SQL(", ").join(new), rows.table.sql, again),
            *(self.table.sql, columns(rows.types), columns(rows.types), rows.table.sql, again),
            *(columns(rows.types), missing),
            named=False,
        )

    def overwrite(self, rows: Rows) -> int:
        """Replace all rows by these; return their number.

        DELETE, because everybody else reads the old rows until the commit and the table stays what it is,
        with its grants, indexes, triggers and the views on it. TRUNCATE would shut readers out until the
        commit and show an empty table to those with an older snapshot; putting the table of the new rows in
        its place would lose all that hangs on the old one. The price is dead rows, which autovacuum removes.
        """
        self.clear()
        return self.append(rows)

    def clear(self) -> None:
        """Remove all rows."""
        self._run("DELETE FROM {}")

    def count(self) -> int:
        """Return the number of rows."""
        row = self._connection.execute(
            sql.SQL("SELECT pg_catalog.count(*) FROM {}").format(self.table.sql)
        ).fetchone()
        return int(row[0]) if row else 0

    def upsert(self, rows: Rows, key: tuple[str, ...]) -> None:
        """Put each row in the place of the one with the same key, or add it; no key is there twice."""
        others = [name for name in rows.types if name not in key]
        if self.has_unique_key(key):
            changed = others or list(key)
            self._run(
                "INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT ({}) DO UPDATE SET {}",
                *(columns(rows.types), columns(rows.types), rows.table.sql, columns(key)),
                _assignments(changed, "excluded"),
            )
            return
        # Without a unique constraint ON CONFLICT is no way, and MERGE needs Postgres 15.
        if others:
            self._run(
                "UPDATE {} AS t SET {} FROM {} AS s WHERE {}",
                *(_assignments(others, "s"), rows.table.sql, same_key(key)),
            )
        self._run(
            "INSERT INTO {} ({}) SELECT {} FROM {} AS s WHERE NOT EXISTS (SELECT FROM {} AS t WHERE {})",
            *(columns(rows.types), columns(rows.types), rows.table.sql, self.table.sql, same_key(key)),
        )

    def has_unique_key(self, key: Iterable[str]) -> bool:
        """Tell whether there is a unique constraint on these columns."""
        return self._is_indexed(key, "i.indisunique")

    def has_primary_key(self, key: Iterable[str]) -> bool:
        """Tell whether they are the primary key, none of them ever ``NULL``."""
        return self._is_indexed(key, "i.indisprimary")

    def _is_indexed(self, key: Iterable[str], how: LiteralString) -> bool:
        query = f"""
            SELECT 1 FROM pg_catalog.pg_index i
             WHERE i.indrelid = pg_catalog.to_regclass(%s) AND {how} AND i.indisvalid
               AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
               AND (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C")
                      FROM pg_catalog.unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) AS k (attnum)
                      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum) = %s
        """  # noqa: S608 - a literal
        name = self.table.sql.as_string(self._connection)
        return self._connection.execute(query, (name, sorted(key))).fetchone() is not None

    def _create(self, types: dict[str, str], key: tuple[str, ...] = ()) -> None:
        parts = [sql.SQL("{} {}").format(sql.Identifier(name), _type(kind)) for name, kind in types.items()]
        if key:
            parts.append(sql.SQL("PRIMARY KEY ({})").format(columns(key)))
        self._run("CREATE TABLE {} ({})", sql.SQL(", ").join(parts))
        self.types = dict(types)
        self.exists = True

    def _add_columns(self, rows: Rows) -> None:
        for name, kind in list(rows.types.items()):
            if name not in self.types:
                self._run("ALTER TABLE {} ADD COLUMN {} {}", sql.Identifier(name), _type(kind))
                self.types[name] = kind
            elif kind != self.types[name]:
                self._fit(rows, name)

    def _fit(self, rows: Rows, name: str) -> None:
        """Make sure that a column takes the values of another type."""
        present, kind = self.types[name], rows.types[name]
        # A column without values is text for want of anything better; then it may as well be what is here.
        if not holds(present, kind) and not rows.retype(name, present):
            raise FatalError(
                f"{self._where}, column {name!r}: {self.table} has {present} there, which cannot"
                f" hold {kind} unchanged",
                code="schema.type_mismatch",
                hint="change the column's type in the target, or load into another table",
            )

    def _read_types(self) -> dict[str, str] | None:
        query = """
            SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)
              FROM pg_catalog.pg_class c
              LEFT JOIN pg_catalog.pg_attribute a
                ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE c.oid = pg_catalog.to_regclass(%s) ORDER BY a.attnum
        """
        name = self.table.sql.as_string(self._connection)
        rows = self._connection.execute(query, (name,)).fetchall()
        return {name: kind for name, kind in rows if name is not None} if rows else None

    def _run(self, statement: str, *parts: sql.Composable, named: bool = True) -> int:
        """Run a statement whose first gap is the table's name, unless it names its parts itself."""
        text = sql.SQL(statement).format(*((self.table.sql, *parts) if named else parts))
        return self._connection.execute(text).rowcount


def _type(printed: str) -> sql.SQL:
    """A type as the server printed it, which needs no quoting."""
    return sql.SQL(printed)


def _by_bytes(name: str, kind: str) -> sql.Composed:
    """A column as it is put in order: sources and the engine order text by its bytes."""
    collation = sql.SQL(' COLLATE "C"' if kind.partition("(")[0] in _TEXTS else "")
    return sql.SQL("{}{}").format(sql.Identifier(name), collation)


def _assignments(names: Iterable[str], source: str) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier(source, name)) for name in names
    )
