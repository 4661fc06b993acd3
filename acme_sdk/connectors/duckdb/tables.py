"""Tables: the target of a load, and those of our own beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

import duckdb

from acme_sdk.connectors.duckdb.database import quoted
from acme_sdk.load import LoadPlan

__all__ = ["Table", "drop_other_refreshes", "hidden_table", "staging_table", "target_table"]


@dataclass(frozen=True)
class Table:
    """A table by its schema and name."""

    schema: str
    name: str

    @property
    def sql(self) -> str:
        """The quoted name for a statement."""
        return quoted(self.schema, self.name)

    def exists(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Tell whether there is such a table."""
        found = connection.execute(
            "SELECT 1 FROM information_schema.tables WHERE table_catalog = current_database()"
            " AND lower(table_schema) = lower(?) AND lower(table_name) = lower(?)",
            [self.schema, self.name],
        )
        return found.fetchone() is not None

    def count(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Return the number of rows."""
        row = connection.execute(f"SELECT count(*) FROM {self.sql}").fetchone()  # noqa: S608 - quoted
        return int(row[0]) if row else 0

    def keys(self, connection: duckdb.DuckDBPyConnection) -> list[list[str]]:
        """Return the columns of each of its keys: values that no two rows share."""
        found = connection.execute(
            "SELECT constraint_column_names FROM duckdb_constraints()"
            " WHERE database_name = current_database() AND lower(schema_name) = lower(?)"
            " AND lower(table_name) = lower(?)"
            " AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')",
            [self.schema, self.name],
        )
        return [names for (names,) in found.fetchall()]

    def replace(self, other: Table, connection: duckdb.DuckDBPyConnection) -> None:
        """Take the name of another table of the same schema, which is dropped if it is there."""
        connection.execute(f"DROP TABLE IF EXISTS {other.sql}")
        connection.execute(f"ALTER TABLE {self.sql} RENAME TO {quoted(other.name)}")


def target_table(plan: LoadPlan, schema: str) -> Table:
    """Return the table that a plan names.

    Args:
        plan: The plan.
        schema: The schema of a table that is named without one.
    """
    table_schema, dot, name = plan.table.partition(".")
    return Table(table_schema, name) if dot else Table(schema, plan.table)


def staging_table(plan: LoadPlan, schema: str) -> Table:
    """Return the table for the rows of one load, which no other load has."""
    return Table(schema, _prefix("stage", plan) + _digest(plan.run_id))


def hidden_table(plan: LoadPlan, schema: str) -> Table:
    """Return the table for the rows of one full refresh."""
    return Table(schema, _prefix("refresh", plan) + _digest(plan.refresh or ""))


def drop_other_refreshes(connection: duckdb.DuckDBPyConnection, plan: LoadPlan, schema: str) -> None:
    """Remove the hidden tables of a stream's full refreshes, but for the one that the plan is part of."""
    found = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
        " AND lower(schema_name) = lower(?) AND starts_with(table_name, ?)",
        [schema, _prefix("refresh", plan)],
    ).fetchall()
    keep = hidden_table(plan, schema).name if plan.refresh is not None else None
    for (name,) in found:
        if name != keep:
            connection.execute(f"DROP TABLE IF EXISTS {quoted(schema, name)}")


def _prefix(kind: str, plan: LoadPlan) -> str:
    """How the names of all tables of a kind begin that a stream has; readable where it can be."""
    parts = (re.sub(r"\W+", "_", part, flags=re.ASCII)[:24] for part in (plan.pipeline, plan.stream))
    return f"_acme_{kind}_{'_'.join(parts)}_{_digest(plan.pipeline, plan.stream)}_"


def _digest(*parts: str) -> str:
    return blake2b(repr(parts).encode(), digest_size=8).hexdigest()
