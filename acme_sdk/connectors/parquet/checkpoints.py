"""Where a stream's checkpoint is: in the manifest of the table that it was loaded into last."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from acme_sdk.connectors.parquet.disk import make_folder, synced
from acme_sdk.connectors.parquet.manifest import StoredCheckpoint
from acme_sdk.connectors.parquet.table import OWN_FOLDER, Table
from acme_sdk.load import StreamState

__all__ = ["following", "kept_streams", "latest", "lock_path", "tables_of"]


def latest(root: Path, pipeline: str, stream: str) -> StoredCheckpoint | None:
    """Return the checkpoint that the last published load of a stream stored, or ``None``.

    Args:
        root: The destination's folder.
        pipeline: The pipeline.
        stream: Its stream.
    """
    found = tables_of(root, pipeline, stream)
    return found[-1][1] if found else None


def tables_of(root: Path, pipeline: str, stream: str) -> list[tuple[Table, StoredCheckpoint]]:
    """Return the tables that have a checkpoint of a stream, with it, the latest last."""
    folder = _folder(root, pipeline, stream)
    if not folder.is_dir():
        return []
    tables = (Table(root, entry.name) for entry in folder.iterdir())
    found = ((table, table.manifest().checkpoint(pipeline, stream)) for table in tables)
    stored = [(table, checkpoint) for table, checkpoint in found if checkpoint is not None]
    return sorted(stored, key=lambda one: one[1].sequence)


def kept_streams(root: Path) -> list[tuple[str, str]]:
    """Return the pipeline and the name of each stream that has a checkpoint, once for each table."""
    folders = (root / OWN_FOLDER / "tables").glob("*")
    stored = (one.state for folder in folders for one in Table(root, folder.name).manifest().checkpoints)
    return [(state.pipeline, state.stream) for state in stored]


def lock_path(root: Path, pipeline: str, stream: str) -> Path:
    """Return the file that a run locks to have a stream to itself; its folder is made."""
    folder = _folder(root, pipeline, stream)
    make_folder(folder.parent)
    return folder.with_suffix(".lock")


def following(root: Path, table: Table, state: StreamState) -> StoredCheckpoint:
    """Return a checkpoint as a manifest of a table will have it, where `latest` then looks for it.

    Args:
        root: The destination's folder.
        table: The table that is about to commit it.
        state: The checkpoint.
    """
    before = latest(root, state.pipeline, state.stream)
    folder = _folder(root, state.pipeline, state.stream)
    mark = folder / table.name
    if not mark.exists():
        make_folder(folder)
        mark.touch()
        synced(folder)
    return StoredCheckpoint(state, before.sequence + 1 if before else 0)


def _folder(root: Path, pipeline: str, stream: str) -> Path:
    digest = blake2b(repr((pipeline, stream)).encode(), digest_size=16).hexdigest()
    return root / OWN_FOLDER / "streams" / digest
