"""A workspace of connectors that do as they are told, and real Dagster instances."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import DagsterInstance, Definitions

from acme_orchestration.definitions import build_definitions
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.workspace import Workspace
from tests.dagster_home import opened_instance

PASSWORD = "canary-3f9c-hunter2"


@dataclass
class Folder:
    """A folder with ``connectors.yaml`` and a connector type ``switch``."""

    path: Path

    def declare(self, text: str) -> Workspace:
        (self.path / "connectors.yaml").write_text(textwrap.dedent(text).replace("HERE", str(self.path)))
        return read_workspace(self.path / "connectors.yaml")

    def turn(self, name: str, order: str) -> None:
        """Tell a connector what to do: up, down, once (down once), hang or exit."""
        (self.path / name).write_text(order)

    def asked(self, name: str) -> int:
        """How often a connector was asked for its health."""
        file = (self.path / name).with_suffix(".asked")
        return len(file.read_text().splitlines()) if file.exists() else 0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setenv("SWITCH_PASSWORD", PASSWORD)
    (tmp_path / "connectors").mkdir()
    shutil.copy(Path(__file__).with_name("switch.py"), tmp_path / "connectors" / "switch.py")
    made = Folder(tmp_path)
    for name in ("users_db", "orders_db", "analytics"):
        made.turn(name, "up")
    return made


@pytest.fixture
def workspace(folder: Folder) -> Workspace:
    return folder.declare(
        """
        connectors:
          users_db:
            type: switch
            role: source
            description: The users.
            owner: team:data
            check_timeout_s: 3
            config: {path: HERE/users_db, password: {env: SWITCH_PASSWORD}}
          orders-db: {type: switch, role: source, check_timeout_s: 3, config: {path: HERE/orders_db}}
          analytics: {type: switch, role: destination, check_timeout_s: 3, config: {path: HERE/analytics}}
        pipelines:
          user-analytics:
            source: users_db
            destination: analytics
            schedule: "0 * * * *"
        """
    )


@pytest.fixture
def definitions(workspace: Workspace) -> Definitions:
    return build_definitions(workspace)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with opened_instance(tmp_path / "dagster") as made:
        yield made
