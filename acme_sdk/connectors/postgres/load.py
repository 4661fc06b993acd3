"""One load into Postgres: batches wait in a staging table, one transaction makes them visible.

Where the target does not exist yet, the staging table becomes the target by taking its name; otherwise its
rows are put into the target.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import ClassVar

import psycopg
import pyarrow as pa

from acme_sdk.connectors.postgres.checkpoints import read_checkpoint, read_refresh, store_checkpoint
from acme_sdk.connectors.postgres.children import Children
from acme_sdk.connectors.postgres.connection import Connection, interrupt
from acme_sdk.connectors.postgres.copy_batch import CopyBatch
from acme_sdk.connectors.postgres.errors import query_errors
from acme_sdk.connectors.postgres.identifiers import (
    OWN_PREFIX,
    TableName,
    lock_stream,
    refresh_name,
    refresh_prefix,
    stage_name,
    stage_prefix,
)
from acme_sdk.connectors.postgres.own_tables import create_schema, drop_tables
from acme_sdk.connectors.postgres.refresh import HiddenTable
from acme_sdk.connectors.postgres.refusal import refused
from acme_sdk.connectors.postgres.stage import Stage
from acme_sdk.connectors.postgres.target import Target
from acme_sdk.encoded import Columns
from acme_sdk.errors import ConfigurationError
from acme_sdk.load import ChildTable, Load, LoadPlan, StreamState, WriteMode
from acme_sdk.write_behind import WriteBehind

__all__ = ["PostgresLoad"]


class PostgresLoad(Load):
    """One attempt to load one stream.

    Args:
        connection: A connection of this load's own.
        close: Closes it.
        plan: What to load, and how.
        schema: The destination's schema: it holds the staging tables and the checkpoints.

    Raises:
        ConfigurationError: An upsert without a primary key (code ``primary_key.missing``), or a table of our
            own as the target (code ``name.reserved``).
    """

    encodings: ClassVar[frozenset[str]] = frozenset({CopyBatch.encoding})

    def __init__(
        self, connection: Connection, close: Callable[[], None], plan: LoadPlan, schema: str
    ) -> None:
        self._connection = connection
        self._close = close
        self._plan = plan
        self._schema = schema
        self._where = f"stream {plan.stream!r}"
        self._table = TableName.parse(plan.table, schema)
        _check(plan, self._table)
        with query_errors(self._where):
            for needed in {schema, self._table.schema}:
                create_schema(connection, needed)
                drop_tables(connection, needed, stage_prefix(plan.pipeline, plan.stream))
            self._drop_other_refreshes()
            self._stage = self._new_stage()
        self._children = Children(connection, plan, schema, self._where)
        self._writing = self._stage
        self._writer = WriteBehind(self._write, self._pause)

    def stage(self, batch: Columns) -> None:
        """Take a batch into the staging table; see `Load.stage`."""
        self._writer.put((self._stage, batch))

    def stage_child(self, child: ChildTable, batch: pa.RecordBatch) -> None:
        """Take rows into the staging table of a child table; see `Load.stage_child`."""
        self._writer.put((self._children.stage(child), batch))

    def publish(self, checkpoint: StreamState) -> int:
        """Apply the staged rows and store the checkpoint in one transaction; see `Load.publish`."""
        self._writer.wait()
        self._pause()
        with query_errors(self._where, partial(refused, self._connection, self._tables)):
            self._stage.finish()
            with self._connection.transaction():
                lock_stream(self._connection, self._plan.pipeline, self._plan.stream)
                self._plan.check_followed(
                    read_checkpoint(self._connection, self._schema, self._plan.pipeline, self._plan.stream)
                )
                target = self._target()
                count = self._apply(target)
                if self._plan.write_mode is WriteMode.APPEND and self._plan.resumed_from is not None:
                    self._children.keep_of(target.table)
                self._children.publish()
                refresh = self._plan.refresh if target.exists else None
                store_checkpoint(self._connection, self._schema, checkpoint, refresh)
                self._stage.drop()
        self._end()
        return count

    def discard(self) -> None:
        """Remove the staging table and close the connection; see `Load.discard`."""
        interrupt(self._connection)
        self._writer.close()
        # A stage that cannot be removed now, the server being gone, is removed by the stream's next load.
        with contextlib.suppress(psycopg.Error):
            if not self._connection.closed:
                self._stage.drop()
                self._children.drop()
        self._close()

    def _end(self) -> None:
        self._writer.close()
        self._close()

    def _write(self, rows: tuple[Stage, Columns]) -> None:
        stage, batch = rows
        if stage is not self._writing:
            self._pause()
            self._writing = stage
        with query_errors(self._where, stage.spot):
            stage.take(batch)

    def _pause(self) -> None:
        with query_errors(self._where, self._writing.spot):
            self._writing.pause()

    def _tables(self) -> tuple[Stage, Target]:
        return self._stage, self._target()

    def _new_stage(self) -> Stage:
        """Where the rows wait: a table that can become the target if there is none, or one in passing."""
        plan, connection = self._plan, self._connection
        ordered = plan.write_mode is WriteMode.UPSERT and not plan.unique
        lasting = plan.refresh is None and not self._target().exists
        name = stage_name(plan.pipeline, plan.stream, plan.run_id)
        table = TableName(self._table.schema if lasting else self._schema, name)
        return Stage(connection, table, self._where, ordered=ordered, lasting=lasting)

    def _target(self) -> Target:
        """The table that the rows go into."""
        plan = self._plan
        if plan.refresh is None:
            return Target(self._connection, self._table, self._where)
        hidden = HiddenTable(self._connection, plan, self._table.schema, self._where)
        hidden.require(read_refresh(self._connection, self._schema, plan.pipeline, plan.stream), plan.refresh)
        return hidden

    def _drop_other_refreshes(self) -> None:
        plan = self._plan
        keep = None if plan.refresh is None else refresh_name(plan.pipeline, plan.stream, plan.refresh)
        prefix = refresh_prefix(plan.pipeline, plan.stream)
        drop_tables(self._connection, self._table.schema, prefix, keep)

    def _apply(self, target: Target) -> int:
        plan, stage = self._plan, self._stage
        if stage.is_empty:
            # Nobody said which columns there are: all that can be done is to have no rows.
            if plan.write_mode is WriteMode.OVERWRITE and target.exists:
                target.clear()
            return 0
        if plan.write_mode is WriteMode.UPSERT:
            return self._upsert(target)
        if stage.lasting and not target.exists:
            stage.become(self._table)
            return stage.rows
        target.prepare(stage)
        if plan.write_mode is WriteMode.OVERWRITE:
            return target.overwrite(stage)
        if plan.resumed_at and set(plan.cursor_columns) <= stage.types.keys():
            return target.append_missing(stage, plan.primary_key, plan.cursor_columns, plan.resumed_at)
        return target.append(stage)

    def _upsert(self, target: Target) -> int:
        plan, stage = self._plan, self._stage
        stage.require_columns(plan.primary_key)
        becomes = stage.lasting and not target.exists
        if not becomes:
            target.prepare(stage, plan.primary_key)
        if plan.unique:
            self._put_keys(target, becomes=becomes)
            return stage.rows
        if becomes or target.has_primary_key(plan.primary_key):
            # Few streams have a key twice, or none: to look for it first takes longer than to try without.
            try:
                with self._connection.transaction():
                    self._put_keys(target, becomes=becomes)
                    return stage.rows
            except (
                psycopg.errors.CardinalityViolation,
                psycopg.errors.UniqueViolation,
                psycopg.errors.NotNullViolation,
            ):
                pass  # if it was for another reason, it is found again
        stage.require_key(plan.primary_key)
        count = stage.keep_last(plan.primary_key)
        self._children.keep_of(stage.table)
        self._put_keys(target, becomes=becomes)
        return count

    def _put_keys(self, target: Target, *, becomes: bool) -> None:
        """Bring the staged rows into the target, each key once, or make them the target."""
        if becomes:
            self._stage.become(self._table, self._plan.primary_key)
        else:
            self._children.remove_replaced(target, self._stage, self._plan.primary_key)
            target.upsert(self._stage, self._plan.primary_key)


def _check(plan: LoadPlan, table: TableName) -> None:
    if plan.write_mode is WriteMode.UPSERT and not plan.primary_key:
        raise ConfigurationError(
            f"stream {plan.stream!r}: upsert needs a primary key",
            code="primary_key.missing",
            hint="set primary_key to the columns that identify a row",
        )
    if table.name.startswith(OWN_PREFIX):
        raise ConfigurationError(
            f"stream {plan.stream!r}: the name {table.name!r} is reserved",
            code="name.reserved",
            hint=f"choose a table whose name does not begin with {OWN_PREFIX}",
        )
