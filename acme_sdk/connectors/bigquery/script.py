"""The script that publishes a load: one transaction over the target and the checkpoints."""

from __future__ import annotations

import re
from dataclasses import dataclass

from acme_sdk.connectors.bigquery.columns import TargetColumn, names
from acme_sdk.connectors.bigquery.errors import MOVED
from acme_sdk.connectors.bigquery.names import quoted, text_literal
from acme_sdk.connectors.bigquery.stage import POSITION
from acme_sdk.load import LoadPlan, WriteMode

__all__ = ["Publication"]

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
    """

    plan: LoadPlan
    target: str
    stage: str
    columns: list[TargetColumn]
    target_exists: bool

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
            "DECLARE loaded INT64 DEFAULT 0",
            "BEGIN TRANSACTION",
            f"SELECT IF({guard}, ERROR({text_literal(MOVED)}), 0)",
            *self._changes(),
            store_checkpoint,
            "COMMIT TRANSACTION",
            "SELECT loaded",
        ]
        return ";\n".join(statements) + ";"

    def _changes(self) -> list[str]:
        clear = f"DELETE FROM {self.target} WHERE TRUE"  # noqa: S608 - quoted
        overwrite = self.plan.write_mode is WriteMode.OVERWRITE and self.target_exists
        if not self.columns:
            return [clear] if overwrite else []
        count = f"SET loaded = (SELECT COUNT(*) FROM ({self._rows()}))"  # noqa: S608 - quoted
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
        if self.plan.write_mode is WriteMode.APPEND and self.plan.resumed_from is not None and self._key():
            return self._without_held(rows, self.plan.resumed_from)
        return rows

    def _without_held(self, rows: str, boundary: str) -> str:
        """Leave out rows at the boundary of the last load that it has already brought."""
        cursor = next((c for c in self.columns if c.name == self.plan.cursor_field), None)
        if cursor is None:
            return rows
        # No column is finer than a microsecond; the text of the cursor may be.
        text = re.sub(r"([.][0-9]{6})[0-9]+", r"\1", boundary) if cursor.type in _TIMES else boundary
        at = f"CAST({text_literal(text)} AS {cursor.type})"
        held = (
            f"SELECT DISTINCT TRUE AS held, {names(self._key())} FROM {self.target}"  # noqa: S608 - quoted
            f" WHERE {quoted(cursor.name)} = {at}"
        )
        same = " AND ".join(f"{c.expression} = t.{quoted(c.name)}" for c in self._key())
        return f"{rows} LEFT JOIN ({held}) AS t ON {same} AND {cursor.expression} = {at} WHERE t.held IS NULL"

    def _merge(self) -> str:
        key = self._key()
        match = " AND ".join(f"t.{quoted(c.name)} = s.{quoted(c.name)}" for c in key)
        others = [column for column in self.columns if column not in key]
        update = ", ".join(f"{quoted(c.name)} = s.{quoted(c.name)}" for c in others)
        merge = f"MERGE INTO {self.target} AS t USING ({self._rows()}) AS s ON {match}"
        matched = f" WHEN MATCHED THEN UPDATE SET {update}" if others else ""
        insert = f"INSERT ({names(self.columns)}) VALUES ({names(self.columns, 's')})"  # noqa: S608 - quoted
        return f"{merge}{matched} WHEN NOT MATCHED THEN {insert}"

    def _key(self) -> list[TargetColumn]:
        key = {name.lower() for name in self.plan.primary_key}
        return [column for column in self.columns if column.name.lower() in key]
