"""Checkpoints without rows: a stream is put back, or forgotten with all that was left of it."""

from __future__ import annotations

from pathlib import Path

from acme_sdk.connectors.parquet.checkpoints import following, tables_of
from acme_sdk.connectors.parquet.refresh import without_refreshes
from acme_sdk.connectors.parquet.table import Table
from acme_sdk.load import LoadPlan, StreamState

__all__ = ["replace_state"]


def replace_state(root: Path, plan: LoadPlan, state: StreamState | None, patience_s: float) -> None:
    """Store or remove a checkpoint, and drop the rows that full refreshes of the stream have gathered.

    Args:
        root: The destination's folder.
        plan: Says which stream, and which table.
        state: The checkpoint; ``None`` removes those of all tables that the stream was loaded into.
        patience_s: Seconds to wait for another load of the table to end.
    """
    if state is not None:
        table = Table(root, plan.table)
        with table.writing(patience_s):
            before = table.manifest()
            stored = following(root, table, state)
            table.commit(before.next(without_refreshes(before, plan), stored))
        return
    # The latest one last: until then, it is the one that counts.
    for table, _ in tables_of(root, plan.pipeline, plan.stream):
        with table.writing(patience_s):
            before = table.manifest()
            table.commit(before.forget(without_refreshes(before, plan), plan.pipeline, plan.stream))
