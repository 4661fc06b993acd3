"""An ``acme api`` as it is started, with keys, a registry and a Dagster instance."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.keys import SCOPES, KeyStore
from tests.dagster_home import opened_instance
from tests.running_dev import ACME

__all__ = ["Served", "served_api"]

WORKSPACE = """
connectors:
  users_db: {type: postgres, role: source, config: {host: h, database: d, user: u}, disabled: true}
  lake: {type: parquet, role: destination, config: {path: lake}}
pipelines:
  users-lake: {source: users_db, destination: lake}
"""


@dataclass
class Served:
    """Where it is, and keys for it by their names: one for each scope, and ``all``."""

    url: str
    keys: dict[str, str]


@contextmanager
def served_api(folder: Path) -> Iterator[Served]:
    """Serve for the time of a ``with`` block; there is no Dagster webserver, and no source to be asked.

    Args:
        folder: An empty one, where it runs.
    """
    with opened_instance(folder / "home"):
        pass
    (folder / "connectors.yaml").write_text(WORKSPACE)
    registry = f"sqlite:///{folder / 'registry.db'}"
    store = KeyStore(RegistryDatabase(registry))
    keys = {name: store.create(name, [name], actor="ann") for name in SCOPES}
    keys["all"] = store.create("all", SCOPES, actor="ann")
    rates = ",".join(f"{kind}=100000/minute" for kind in ("read", "test", "write", "target"))
    options = ["--dagster-home", "home", "--egress-allow", "127.0.0.0/8", "--rates", rates]
    with (folder / "api.log").open("wb") as log:
        server = subprocess.Popen(
            [ACME, "api", "--port", "0", "--workers", "1", *options],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | {"ACME_REGISTRY_URL": registry},
        )
    try:
        assert server.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
        assert found
        yield Served(found[0], keys)
    finally:
        server.terminate()
        server.wait(60)
        server.stdout.close()
