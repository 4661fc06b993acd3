"""Full refreshes: the hidden table that gathers their rows, and how it takes the target's place."""

from __future__ import annotations

from functools import partial

from psycopg import sql

from acme_sdk.connectors.postgres.checkpoints import read_checkpoint, read_refresh, store_checkpoint
from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.errors import query_errors
from acme_sdk.connectors.postgres.identifiers import TableName, lock_stream, refresh_name
from acme_sdk.connectors.postgres.own_tables import retype_if_empty
from acme_sdk.connectors.postgres.refusal import refused
from acme_sdk.connectors.postgres.target import Rows, Target
from acme_sdk.connectors.postgres.types import INTEGERS, widened
from acme_sdk.errors import FatalError
from acme_sdk.load import LoadPlan, StreamState

__all__ = ["HiddenTable", "finish_refresh"]

# Above it, floats leave out integers.
_EXACT = 2**53


class HiddenTable(Target):
    """The rows of one full refresh so far. Its columns follow the rows: they get wider types as needed.

    Unlike a staging table it is logged: its rows were committed with the state that says how far they go, so
    they must be there after a crash of the server, which empties unlogged tables.

    Args:
        connection: The connection whose transaction it is.
        plan: Has the refresh.
        schema: The target's.
        where: The stream, for errors.
    """

    def __init__(self, connection: Connection, plan: LoadPlan, schema: str, where: str) -> None:
        name = refresh_name(plan.pipeline, plan.stream, plan.refresh or "")
        super().__init__(connection, TableName(schema, name), where)

    def require(self, begun: str | None, refresh: str | None) -> None:
        """Fail if the table is gone although the refresh has put rows into it.

        Args:
            begun: The refresh that has, as stored with the state.
            refresh: The refresh that goes on.

        Raises:
            FatalError: It has been removed meanwhile (code ``refresh.lost``).
        """
        if refresh is not None and begun == refresh and not self.exists:
            raise FatalError(
                f"{self._where}: the rows that the full refresh has loaded so far are gone",
                code="refresh.lost",
                hint="begin a new one with --full-refresh",
            )

    def retype(self, name: str, kind: str) -> bool:
        """Give a column another type if it has no values, and tell whether that was so."""
        if empty := retype_if_empty(self._connection, self.table, name, kind):
            self.types[name] = kind
        return empty

    def rename(self, table: TableName) -> None:
        """Give the table another name in the same schema."""
        self._run("ALTER TABLE {} RENAME TO {}", sql.Identifier(table.name))

    def drop(self) -> None:
        """Remove the table."""
        self._run("DROP TABLE {}")

    def _fit(self, rows: Rows, name: str) -> None:
        present, kind = self.types[name], rows.types[name]
        if rows.retype(name, present) or self.retype(name, kind):
            return
        wide = widened(present, kind)
        if wide is None:
            raise FatalError(
                f"{self._where}, column {name!r}: it was {present} earlier in this full refresh and is {kind}"
                " now; no type holds both",
                code="schema.type_changed",
                hint="give the column one type in the source",
            )
        if wide == "double precision":
            self._require_exact(self.table, present, name)
            self._require_exact(rows.table, kind, name)
        if wide != present:
            self._run("ALTER TABLE {} ALTER COLUMN {} TYPE {}", sql.Identifier(name), sql.SQL(wide))
            self.types[name] = wide

    def _require_exact(self, table: TableName, kind: str, name: str) -> None:
        if kind not in INTEGERS:
            return
        query = sql.SQL("SELECT 1 FROM {} WHERE {} NOT BETWEEN {} AND {} LIMIT 1").format(
            table.sql, sql.Identifier(name), -_EXACT, _EXACT
        )
        if self._connection.execute(query).fetchone():
            raise FatalError(
                f"{self._where}, column {name!r}: an integer is too large to be exact among floats",
                code="schema.type_changed",
                hint="give the column one type in the source",
            )


def finish_refresh(connection: Connection, plan: LoadPlan, state: StreamState, schema: str) -> int:
    """Put the rows of a full refresh in the target's place; see `StagedDestination.finish_refresh`.

    Args:
        connection: In autocommit mode.
        plan: As given to ``open_load``.
        state: What is stored.
        schema: The destination's.
    """
    where = f"stream {plan.stream!r}"
    table = TableName.parse(plan.table, schema)

    def tables() -> tuple[HiddenTable, Target]:
        return HiddenTable(connection, plan, table.schema, where), Target(connection, table, where)

    with query_errors(where, partial(refused, connection, tables)), connection.transaction():
        lock_stream(connection, plan.pipeline, plan.stream)
        hidden, target = tables()
        before = read_checkpoint(connection, schema, plan.pipeline, plan.stream)
        if not hidden.exists and before and before.run_id == state.run_id and before.progress is None:
            return target.count() if target.exists else 0  # it was finished, and the answer got lost
        plan.check_followed(before)
        hidden.require(read_refresh(connection, schema, plan.pipeline, plan.stream), plan.refresh)
        count = _replace(target, hidden)
        store_checkpoint(connection, schema, state)
    return count


def _replace(target: Target, hidden: HiddenTable) -> int:
    if hidden.exists and not target.exists:
        count = hidden.count()
        hidden.rename(target.table)
        return count
    if hidden.exists:
        target.prepare(hidden)
        count = target.overwrite(hidden)
        hidden.drop()
        return count
    if target.exists:
        target.clear()
    return 0
