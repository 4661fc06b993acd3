"""The programs that do a work: how each is called. They find source and target in the environment."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.sync import environments
from benchmarks.sync.environments import Environment
from benchmarks.sync.works import Work

__all__ = ["REMEMBERING", "Contestants"]

#: Their upserts must be preceded by one of their own, since they go on from the state that it stored; those
#: of the others begin with a plain copy of the table.
REMEMBERING = frozenset({"acme", "dlt"})

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
# Which environment a program is in; the others need none of their own.
_ENVIRONMENTS = {"acme": "acme", "psycopg": "fast", "scanner": "fast", "dlt": "dlt", "sling": "sling"}


class Contestants:
    """All contestants that take part, installed.

    Args:
        names: Their names.
        folder: Where virtual environments are kept.
        workspace: The ``connectors.yaml`` of our pipelines.
    """

    def __init__(self, names: Iterable[str], folder: Path, workspace: Path) -> None:
        # Ours also verifies what was made.
        used = {_ENVIRONMENTS[name] for name in ("acme", *names) if name in _ENVIRONMENTS}
        self.environments = {name: _installed(name, folder) for name in sorted(used)}
        self._workspace = workspace

    def command(self, name: str, work: Work, mode: str) -> list[str | Path]:
        """Return how a contestant is called to do a work in a write mode."""
        match name:
            case "acme":
                acme = self.environments["acme"].program("acme")
                return [acme, "sync", work.pipeline, "--file", self._workspace]
            case "alone" | "step":
                return [sys.executable, HERE / "dagster_step.py", name, self._workspace, work.pipeline]
            case "naive":
                python, connectors = self.environments["acme"].python, self._workspace.parent / "connectors"
                return [python, PEERS / "naive_rows.py", connectors, work.target]
            case "psql":
                return ["bash", PEERS / "psql.sh", mode]
            case "psycopg":
                return [self.environments["fast"].python, PEERS / "psycopg_copy.py", mode]
            case "scanner":
                return [self.environments["fast"].python, PEERS / "duckdb_scanner.py", work.target]
            case "dlt":
                return [self.environments["dlt"].python, PEERS / "dlt_pipeline.py", work.target, mode]
            case "sling":
                [sling] = self.environments["sling"].folder.glob("lib/*/site-packages/*/bin/sling-*")
                return ["bash", PEERS / "sling.sh", sling, mode]
        raise ValueError(f"there is no contestant {name!r}")


def _installed(name: str, folder: Path) -> Environment:
    print(f"installing {name}", file=sys.stderr, flush=True)
    return environments.ours(folder) if name == "acme" else environments.peers(folder, name)
