"""The staging table: rows on their way, out of readers' sight, for as long as one load takes."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import IO
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud.bigquery import DatasetReference, LoadJob, TableReference

from acme_sdk.connectors.bigquery.columns import Columns, StagedColumn
from acme_sdk.connectors.bigquery.names import digest, quoted, table_sql
from acme_sdk.connectors.bigquery.types import staged
from acme_sdk.connectors.bigquery.warehouse import Warehouse
from acme_sdk.errors import AcmeError
from acme_sdk.load import LoadPlan

__all__ = ["POSITION", "Stage", "add_columns", "drop_remains", "refresh_table", "stage_table"]

#: The staged column that numbers the rows in the order in which they came.
POSITION = "position"

# A load job costs seconds and counts against a quota: rows are collected on disk until they are worth one.
_FILE_BYTES = 64 << 20
# Longer than any load takes; after it BigQuery removes what a process that died has left.
_LIFETIME = timedelta(days=3)


def drop_remains(
    warehouse: Warehouse, plan: LoadPlan, target: TableReference, keep: TableReference | None = None
) -> None:
    """Remove what earlier attempts at a pipeline's stream have left, but for one table."""
    prefixes = _prefix("stage", plan), _prefix("refresh", plan)
    for dataset in {warehouse.dataset, DatasetReference(target.project, target.dataset_id)}:
        for remains in warehouse.tables(dataset, prefixes):
            if remains != keep:
                warehouse.drop(remains)


def stage_table(plan: LoadPlan, dataset: DatasetReference, child: str | None = None) -> TableReference:
    """Return the staging table of one attempt, for the stream's table or for a child table."""
    attempt = re.sub(r"\W", "_", plan.run_id, flags=re.ASCII)[:100] or uuid4().hex
    return dataset.table(_prefix("stage", plan) + attempt + (f"_{digest(child)}" if child else ""))


def refresh_table(plan: LoadPlan, target: TableReference) -> TableReference:
    """Return the table for the rows of one full refresh, which is in the target's dataset."""
    dataset = DatasetReference(target.project, target.dataset_id)
    return dataset.table(_prefix("refresh", plan) + digest(plan.refresh or ""))


class Stage:
    """Takes batches, collects them in Parquet files and has BigQuery load these.

    Args:
        warehouse: Where the table is made, when the first columns are known.
        table: Its name.
    """

    def __init__(self, warehouse: Warehouse, table: TableReference) -> None:
        self.table = table
        self._warehouse = warehouse
        self._made = False
        self._file: _ParquetFile | None = None
        self._jobs: list[LoadJob] = []
        self._rows = 0

    def grow(self, fresh: list[StagedColumn], columns: list[StagedColumn]) -> None:
        """Make the table, or add columns to it.

        Args:
            fresh: The columns that it lacks.
            columns: All its columns from now on.
        """
        self.finish()
        if not self._made:
            self._warehouse.create(self.table, _schema(columns), expires=datetime.now(UTC) + _LIFETIME)
            self._made = True
        else:
            self._warehouse.run(
                add_columns(self.table, {c.staged_name: c.sql_type for c in fresh}), "staging table"
            )

    def write(self, batch: pa.RecordBatch, columns: Columns) -> None:
        """Take a batch whose columns are known to the table."""
        arrays: dict[str, pa.Array] = {}
        for field, array in zip(batch.schema, batch.columns, strict=True):
            column = columns.find(field)
            if column is not None:
                arrays[column.staged_name] = staged(field, array)
        rows = batch.num_rows
        if not rows:
            return
        held = columns.staged
        position = pa.array(range(self._rows, self._rows + rows), pa.int64())
        values = [arrays.get(c.staged_name, pa.nulls(rows, c.arrow_type)) for c in held]
        schema = pa.schema([(POSITION, pa.int64()), *((c.staged_name, c.arrow_type) for c in held)])
        if self._file is None:
            self._file = _ParquetFile(schema, _schema(held))
        self._file.write(pa.RecordBatch.from_arrays([position, *values], schema=schema))
        self._rows += rows
        if self._file.size >= _FILE_BYTES:
            self._send()

    def finish(self) -> None:
        """Wait until BigQuery has loaded all rows so far."""
        self._send()
        while self._jobs:
            self._warehouse.end_load(self._jobs[0])
            self._jobs.pop(0)

    def drop(self) -> None:
        """Remove the table and what was not sent; safe to call twice."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._jobs.clear()
        if self._made:
            # Whoever fails to remove it need not fail for it: it expires, and the next attempt removes it.
            with suppress(AcmeError):
                self._warehouse.drop(self.table)
            self._made = False

    def _send(self) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            self._jobs.append(self._warehouse.begin_load(file.finished(), self.table, file.columns))
        finally:
            file.close()


class _ParquetFile:
    """A temporary file without a name, which ends with the process."""

    def __init__(self, schema: pa.Schema, columns: Mapping[str, str]) -> None:
        self.columns = columns
        self.size = 0
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._writer = pq.ParquetWriter(self._file, schema, compression="zstd", store_schema=False)

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)
        self.size += batch.nbytes

    def finished(self) -> IO[bytes]:
        self._writer.close()
        return self._file

    def close(self) -> None:
        self._writer.close()
        self._file.close()


def add_columns(table: TableReference, columns: Mapping[str, str]) -> str:
    """Return the script that adds columns to a table, those that are there left as they are."""
    return "\n".join(
        f"ALTER TABLE {table_sql(table)} ADD COLUMN IF NOT EXISTS {quoted(name)} {kind};"
        for name, kind in columns.items()
    )


def _prefix(kind: str, plan: LoadPlan) -> str:
    return f"_acme_{kind}_{digest(plan.pipeline, plan.stream)}_"


def _schema(columns: list[StagedColumn]) -> dict[str, str]:
    return {POSITION: "INT64", **{column.staged_name: column.sql_type for column in columns}}
