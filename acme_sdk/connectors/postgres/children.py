"""Child tables of a load: the items of lists, which come and go with the records that have them."""

from __future__ import annotations

from psycopg import sql

from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.identifiers import TableName, columns, same_key, stage_name
from acme_sdk.connectors.postgres.stage import Stage
from acme_sdk.connectors.postgres.target import Target
from acme_sdk.load import RECORD_ID, ChildTable, LoadPlan, WriteMode

__all__ = ["Children"]

_RECORD = sql.Identifier(RECORD_ID)


class Children:
    """The child tables of one load, each with a staging table of its own.

    Args:
        connection: The load's.
        plan: Its plan.
        schema: The destination's schema: it holds the staging tables, too.
        where: The stream, for errors.
    """

    def __init__(self, connection: Connection, plan: LoadPlan, schema: str, where: str) -> None:
        self._connection = connection
        self._plan = plan
        self._schema = schema
        self._where = where
        self._stages: dict[ChildTable, Stage] = {}

    def stage(self, child: ChildTable) -> Stage:
        """Return where the rows of a child table wait."""
        if child not in self._stages:
            plan = self._plan
            name = stage_name(plan.pipeline, plan.stream, f"{plan.run_id}/{child.name}")
            table = TableName(self._schema, name)
            self._stages[child] = Stage(self._connection, table, self._where, ordered=False, lasting=False)
        return self._stages[child]

    def keep_of(self, records: TableName) -> None:
        """Keep only those staged rows whose records are in a table."""
        for stage in self._stages.values():
            self._run(
                "DELETE FROM {} AS c WHERE NOT EXISTS (SELECT FROM {} AS r WHERE r.{} = c.{})",
                *(stage.table.sql, records.sql, _RECORD, _RECORD),
            )

    def remove_replaced(self, target: Target, stage: Stage, key: tuple[str, ...]) -> None:
        """Remove the rows of the records that staged ones will replace, by the records' key."""
        for present in self._present():
            self._run(
                "DELETE FROM {} AS c USING {} AS t, {} AS s WHERE c.{} = t.{} AND {}",
                *(present.table.sql, target.table.sql, stage.table.sql, _RECORD, _RECORD, same_key(key)),
            )

    def publish(self) -> None:
        """Bring the staged rows into the child tables, each once."""
        if self._plan.write_mode is WriteMode.OVERWRITE:
            for present in self._present():
                present.clear()
        for child, stage in self._stages.items():
            target = self._target(child)
            target.prepare(stage, child.key)
            # Records that are equal have the same id, and the same items.
            self._run(
                "INSERT INTO {} ({}) SELECT DISTINCT ON ({}) {} FROM {} AS s"
                " WHERE NOT EXISTS (SELECT FROM {} AS t WHERE {})",
                *(target.table.sql, columns(stage.types), columns(child.key), columns(stage.types)),
                *(stage.table.sql, target.table.sql, same_key(child.key)),
            )
        self.drop()

    def drop(self) -> None:
        """Remove the staging tables."""
        for stage in self._stages.values():
            stage.drop()

    def _present(self) -> list[Target]:
        """The child tables that are there, those of earlier loads included."""
        children = {**dict.fromkeys(self._plan.children), **dict.fromkeys(self._stages)}
        return [target for target in map(self._target, children) if target.exists]

    def _target(self, child: ChildTable) -> Target:
        target = Target(self._connection, TableName.parse(child.name, self._schema), self._where)
        if target.exists:
            child.require_own(target.types)
        return target

    def _run(self, statement: str, *parts: sql.Composable) -> None:
        self._connection.execute(sql.SQL(statement).format(*parts))
