"""Full refreshes: how the rows that were gathered take the target's place."""

from __future__ import annotations

from pathlib import Path

from acme_sdk.connectors.parquet.checkpoints import following, latest
from acme_sdk.connectors.parquet.columns import in_file
from acme_sdk.connectors.parquet.disk import translated
from acme_sdk.connectors.parquet.files import Encoding, FileWriter
from acme_sdk.connectors.parquet.manifest import DATA, Manifest, Rows
from acme_sdk.connectors.parquet.table import Table, refresh_folder, refresh_prefix
from acme_sdk.load import LoadPlan, StreamState

__all__ = ["finish_refresh", "without_refreshes"]


def finish_refresh(
    root: Path, plan: LoadPlan, state: StreamState, encoding: Encoding, patience_s: float
) -> int:
    """Put the rows of a full refresh in the target's place; see `StagedDestination.finish_refresh`.

    Args:
        root: The destination's folder.
        plan: As given to ``open_load``.
        state: What is stored.
        encoding: How files are written.
        patience_s: Seconds to wait for another load of the table to end.
    """
    table = Table(root, plan.table)
    what = f"table {plan.table}"
    with translated(what), table.writing(patience_s):
        before = table.manifest()
        gathered = refresh_folder(plan)
        target = before.rows.get(DATA)
        if gathered not in before.rows and _is_finished(before, state):
            return target.count if target else 0  # the answer got lost
        held = latest(root, plan.pipeline, plan.stream)
        plan.check_followed(held.state if held else None)
        rows = before.rows.get(gathered) or (Rows(target.schema, {}) if target else None)
        folders = without_refreshes(before, plan)
        sources = {DATA: gathered} if gathered in before.rows else {}
        if rows is not None:
            if not rows.files:
                rows = _empty(table, before, rows, encoding, what)
            folders[DATA] = rows
        table.commit(before.next(folders, following(root, table, state)), sources)
    return rows.count if rows else 0


def without_refreshes(before: Manifest, plan: LoadPlan) -> dict[str, Rows]:
    """Return a version's rows without those that full refreshes of the stream have gathered."""
    own = refresh_prefix(plan.pipeline, plan.stream)
    return {name: one for name, one in before.rows.items() if not name.startswith(own)}


def _is_finished(before: Manifest, state: StreamState) -> bool:
    stored = before.checkpoint(state.pipeline, state.stream)
    return stored is not None and stored.state.run_id == state.run_id and stored.state.progress is None


def _empty(table: Table, before: Manifest, rows: Rows, encoding: Encoding, what: str) -> Rows:
    """A table without rows is a file that has its columns."""
    writer = FileWriter(table.next / DATA, f"{before.number + 1:08}", encoding, what)
    try:
        writer.write_empty(in_file(rows.schema))
        return Rows(rows.schema, {file.path.name: file.rows for file in writer.finish()})
    finally:
        writer.close()
