"""A Dagster instance without runs or events, its databases copied: making them takes longer than a test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from dagster import DagsterInstance

__all__ = ["opened_instance"]


@contextmanager
def opened_instance(home: Path) -> Iterator[DagsterInstance]:
    """Make a Dagster home in a new folder, and open its instance for the time of a ``with`` block."""
    shutil.copytree(_made().name, home)
    with DagsterInstance.from_config(str(home)) as instance:
        yield instance


@cache
def _made() -> tempfile.TemporaryDirectory[str]:
    """An untouched home, which is gone with this process."""
    folder = tempfile.TemporaryDirectory(prefix="acme_dagster_")
    (Path(folder.name) / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with DagsterInstance.from_config(folder.name) as instance:
        instance.get_runs()
        instance.event_log_storage.get_asset_records([])
        instance.all_instigator_state()
    return folder
