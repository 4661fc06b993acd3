"""A workspace of many connectors, some of which misbehave if wanted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.workspace import Workspace

__all__ = ["CALM", "MIXED", "Mix", "make_workspace"]

_WORKSPACE_YAML = """\
load_from:
  - python_module: {module_name: acme_orchestration.definitions, attribute: defs, location_name: acme}
"""


@dataclass(frozen=True)
class Mix:
    """How many connectors hang, fail, or have no secret; all others are well."""

    hang: int = 0
    fail: int = 0
    secretless: int = 0

    def order(self, number: int, of: int) -> str:
        """Return what a connector does; those that misbehave are spread over all."""
        place = (number * 7919) % of  # a prime, so that neighbours get far apart
        for order, count in (("hang", self.hang), ("fail", self.fail), ("secretless", self.secretless)):
            if place < count:
                return order
            place -= count
        return "ok"


CALM = Mix()
MIXED = Mix(hang=50, fail=50, secretless=10)


def make_workspace(folder: Path, port: int, count: int, mix: Mix) -> Workspace:
    """Write the files of a workspace and return what they declare.

    Args:
        folder: Where they go; made, or emptied.
        port: Where the server listens that the connectors ask.
        count: How many connectors.
        mix: What they do.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "connectors").mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("probed.py"), folder / "connectors" / "probed.py")
    (folder / "workspace.yaml").write_text(_WORKSPACE_YAML)
    lines = [f"  {name}: {json.dumps(entry)}" for name, entry in _entries(port, count, mix).items()]
    (folder / "connectors.yaml").write_text("connectors:\n" + "\n".join(lines) + "\n")
    return read_workspace(folder / "connectors.yaml")


def _entries(port: int, count: int, mix: Mix) -> Mapping[str, object]:
    entries = {}
    for number in range(count):
        order = mix.order(number, count)
        name = f"{order}_{number:05}"
        config: dict[str, object] = {"port": port, "question": f"{order} {name}"}
        if order == "secretless":
            config["password"] = {"env": "NOT_SET_ANYWHERE"}
        entries[name] = {"type": "probed", "role": "source", "config": config}
    return entries
