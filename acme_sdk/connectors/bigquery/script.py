"""The script that publishes a load: one transaction over the target, its child tables and the checkpoints."""

from __future__ import annotations

import re
from dataclasses import dataclass

from acme_sdk.connectors.bigquery.children import Children
from acme_sdk.connectors.bigquery.columns import TargetColumn, names
from acme_sdk.connectors.bigquery.errors import MOVED
from acme_sdk.connectors.bigquery.names import quoted, text_literal
from acme_sdk.connectors.bigquery.stage import POSITION
from acme_sdk.cursor import not_below_sql
from acme_sdk.load import RECORD_ID, LoadPlan, WriteMode

__all__ = ["Publication"]

# A column of the same name would hide the variable.
_LOADED = "_acme_loaded_rows"
_TIMES = ("DATETIME", "TIME", "TIMESTAMP")


@dataclass(frozen=True)
class Publication:
    """What is published, and where to.

    Attributes:
        plan: The load's plan.
        target: The target's full name in SQL.
        stage: The staging table's full name in SQL.
        columns: What becomes of the staged columns; empty when no rows were staged.
        target_exists: Whether there is a target, with or without rows to publish.
        children: The child tables; ``None`` where there can be none.
    """

    plan: LoadPlan
    target: str
    stage: str
    columns: list[TargetColumn]
    target_exists: bool
    children: Children | None = None

    def script(self, *, held_run_id: str, expected_run_id: str | None, store_checkpoint: str) -> str:
        """Return the script; its last statement gives the number of rows that took effect.

        Args:
            held_run_id: SQL of the run that stored the stream's present checkpoint.
            expected_run_id: The run that it must still be. An attempt that was given up may be alive and
                publish: then this one has read too much, and must not.
            store_checkpoint: The statement that stores the new checkpoint. It is the last one, since
                BigQuery cancels transactions that have changed a table at the same time.
        """
        guard = f"{held_run_id} IS DISTINCT FROM {text_literal(expected_run_id)}"
        statements = [
            f"DECLARE {_LOADED} INT64 DEFAULT 0",
            "BEGIN TRANSACTION",
            f"SELECT IF({guard}, ERROR({text_literal(MOVED)}), 0)",
            *self._removals(),
            *self._changes(),
            *(self.children.add(self.target) if self.children else []),
            store_checkpoint,
            "COMMIT TRANSACTION",
            f"SELECT {_LOADED}",
        ]
        return ";\n".join(statements) + ";"

    def _removals(self) -> list[str]:
        """What takes away the items of the records that are about to go."""
        if self.children is None:
            return []
        if self.plan.write_mode is WriteMode.OVERWRITE:
            return self.children.clear()
        if self.plan.write_mode is WriteMode.UPSERT and self.columns:
            replaced = f"SELECT t.{quoted(RECORD_ID)} FROM {self.target} AS t"  # noqa: S608 - quoted
            return self.children.remove_of(f"{replaced} JOIN ({self._rows()}) AS s ON {self._match()}")
        return []

    def _changes(self) -> list[str]:
        clear = f"DELETE FROM {self.target} WHERE TRUE"  # noqa: S608 - quoted
        overwrite = self.plan.write_mode is WriteMode.OVERWRITE and self.target_exists
        if not self.columns:
            return [clear] if overwrite else []
        count = f"SET {_LOADED} = (SELECT COUNT(*) FROM ({self._rows()}))"  # noqa: S608 - quoted
        if self.plan.write_mode is WriteMode.UPSERT:
            return [count, self._merge()]
        insert = f"INSERT INTO {self.target} ({names(self.columns)})\n{self._rows()}"
        return [count, clear, insert] if overwrite else [count, insert]

    def _rows(self) -> str:
        """The staged rows that shall take effect, with the target's columns."""
        values = ", ".join(f"{column.expression} AS {quoted(column.name)}" for column in self.columns)
        rows = f"SELECT {values} FROM {self.stage} AS s"  # noqa: S608 - quoted
        if self.plan.write_mode is WriteMode.UPSERT:
            key = ", ".join(column.expression for column in self._key())
            last = f"ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY s.{POSITION} DESC) = 1"
            return f"{rows} WHERE TRUE QUALIFY {last}"
        if self.plan.write_mode is WriteMode.APPEND and self.plan.resumed_at:
            return f"SELECT {values} FROM {self._fresh()}"  # noqa: S608 - quoted
        return rows

    def _fresh(self) -> str:
        """The staged rows without those that earlier loads have brought already.

        They are looked for from the cursor value on that the load began at, and known by key and cursor.
        Without a key all columns are compared, and equal rows are counted.
        """
        known = {column.name.lower(): column for column in self.columns}
        cursor = [known.get(name.lower()) for name in self.plan.cursor_columns]
        if None in cursor:
            return f"{self.stage} AS s"
        begun = [(known[name.lower()], text) for name, text in self.plan.resumed_at]
        again = not_below_sql([(f"t.{quoted(column.name)}", _value(text, column)) for column, text in begun])
        key = self._key()
        compared = [column for column in (*cursor, *key) if column] if key else self.columns
        staged = _identity([column.expression for column in compared])
        held = _identity([f"t.{quoted(column.name)}" for column in compared])
        nth = "1" if key else "ROW_NUMBER() OVER (PARTITION BY identity)"
        return (
            f"(SELECT *, {nth} AS nth FROM"  # noqa: S608 - quoted
            f" (SELECT s.*, {staged} AS identity FROM {self.stage} AS s)) AS s"
            f" LEFT JOIN (SELECT DISTINCT identity, {nth} AS nth FROM"
            f" (SELECT {held} AS identity FROM {self.target} AS t"
            f" WHERE {again})) AS t"
            " ON s.identity = t.identity AND s.nth = t.nth WHERE t.identity IS NULL"
        )

    def _merge(self) -> str:
        key = self._key()
        others = [column for column in self.columns if column not in key]
        update = ", ".join(f"{quoted(c.name)} = s.{quoted(c.name)}" for c in others)
        merge = f"MERGE INTO {self.target} AS t USING ({self._rows()}) AS s ON {self._match()}"
        matched = f" WHEN MATCHED THEN UPDATE SET {update}" if others else ""
        insert = f"INSERT ({names(self.columns)}) VALUES ({names(self.columns, 's')})"  # noqa: S608 - quoted
        return f"{merge}{matched} WHEN NOT MATCHED THEN {insert}"

    def _match(self) -> str:
        """The condition that a row ``t`` of the target has the key of a row ``s`` of `_rows`."""
        return " AND ".join(f"t.{quoted(c.name)} = s.{quoted(c.name)}" for c in self._key())

    def _key(self) -> list[TargetColumn]:
        key = {name.lower() for name in self.plan.primary_key}
        return [column for column in self.columns if column.name.lower() in key]


def _value(text: str, column: TargetColumn) -> str:
    """The SQL of a cursor's value. No column is finer than a microsecond; the text of the cursor may be."""
    if column.type in _TIMES:
        text = re.sub(r"([.][0-9]{6})[0-9]+", r"\1", text)
    return f"CAST({text_literal(text)} AS {column.type})"


def _identity(values: list[str]) -> str:
    """The SQL of one text for some values: values of any type can be compared by it, ``NULL`` as well."""
    fields = ", ".join(f"{value} AS f{number}" for number, value in enumerate(values))
    return f"TO_JSON_STRING(STRUCT({fields}))"
