"""A workspace with many connectors, and a Dagster home with their history."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from dagster import DagsterInstance

from benchmarks.api.history import MONTH, fill
from benchmarks.health.storage import sqlite_home

__all__ = ["FOLDER", "prepared"]

FOLDER = Path(__file__).resolve().parents[2] / ".acme" / "bench-api"

_WORKSPACE_YAML = """\
load_from:
  - python_module: {module_name: acme_orchestration.definitions, attribute: defs, location_name: acme}
"""


def prepared(
    folder: Path, connectors: int, checks: int, make_home: Callable[[Path], Path] = sqlite_home
) -> Path:
    """Make a workspace and a Dagster home with its history, anew.

    Args:
        folder: Where.
        connectors: How many.
        checks: How many checks each has; the last one has those of at least 30 days.
        make_home: Makes a Dagster home with empty databases.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = [f"c{number:05}" for number in range(connectors)]
    entry = json.dumps(
        {"type": "parquet", "role": "destination", "config": {"path": "p"}, "check_interval_s": 86400}
    )
    (folder / "connectors.yaml").write_text(
        "connectors:\n" + "".join(f"  {name}: {entry}\n" for name in names)
    )
    (folder / "workspace.yaml").write_text(_WORKSPACE_YAML)
    home = make_home(folder / "dagster")
    with DagsterInstance.from_config(str(home)) as instance:
        fill(instance, dict.fromkeys(names, checks) | {names[-1]: max(checks, MONTH)})
    return home
