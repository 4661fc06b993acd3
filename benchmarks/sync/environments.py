"""The virtual environments: one with this package as its users install it, and one for each kind of peer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Environment", "ours", "peers"]

REPOSITORY = Path(__file__).resolve().parents[2]
REQUIREMENTS = Path(__file__).parent / "peers"
_SOURCES = ("acme", "acme_sdk", "acme_orchestration", "api")
_NOT_SOURCES = shutil.ignore_patterns("__pycache__", "*.so", "*.c")


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def program(self, name: str) -> Path:
        """Return the path of a command."""
        return self.folder / "bin" / name

    def packages(self) -> dict[str, str]:
        """Return the versions of all packages by name."""
        listed = subprocess.run(
            [self.python, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return {package["name"]: package["version"] for package in json.loads(listed.stdout)}

    def install(self, *arguments: str) -> None:
        """Install packages; makes the environment if there is none."""
        if not self.python.exists():
            venv.create(self.folder, with_pip=True)
        subprocess.run(
            [self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments],
            check=True, stdout=sys.stderr,
        )  # fmt: skip


def ours(folder: Path) -> Environment:
    """Install this package with its two drivers, and nothing else, as its users do: no pandas, no Dagster.

    Args:
        folder: Where environments are kept.
    """
    copy = folder / "package"
    shutil.rmtree(copy, ignore_errors=True)
    for name in _SOURCES:
        shutil.copytree(REPOSITORY / name, copy / name, ignore=_NOT_SOURCES)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, copy / name)
    environment = Environment(folder / "acme")
    environment.install(f"{copy}[postgres,duckdb]")
    if unexpected := {"pandas", "dagster"} & set(environment.packages()):
        raise SystemExit(f"{environment.folder} has {', '.join(unexpected)}: remove the folder")
    return environment


def peers(folder: Path, name: str) -> Environment:
    """Install the peers of a requirements file.

    Args:
        folder: Where environments are kept.
        name: The file's name: ``fast``, ``dlt`` or ``sling``.
    """
    environment = Environment(folder / name)
    environment.install("-r", str(REQUIREMENTS / f"{name}.txt"))
    return environment
