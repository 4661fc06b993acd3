"""What an installation brings, and what the command costs before it does anything."""

import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """All distributions that an installation of one brings, read from the installed metadata."""
    found: set[str] = set()
    todo = [(name, extras)]
    while todo:
        current, wanted = todo.pop()
        if canonicalize_name(current) in found:
            continue
        found.add(canonicalize_name(current))
        for line in distribution(current).requires or []:
            requirement = Requirement(line)
            environments = [{"extra": extra} for extra in wanted or {""}]
            if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
                todo.append((requirement.name, frozenset(requirement.extras)))
    return found


def test_the_base_installation_brings_neither_dagster_nor_flask_nor_a_driver():
    base = closure("acme-connectors")
    assert {"pyarrow", "requests", "pydantic", "click"} <= base
    assert not base & {"dagster", "flask", "sqlalchemy", "psycopg", "duckdb", "google-cloud-bigquery"}


def test_the_dagster_extra_brings_no_flask():
    assert "flask" not in closure("acme-connectors", frozenset({"dagster"}))


def test_the_files_of_the_page_are_installed():
    root = Path(__file__).parents[1]
    data = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    matched = {path for pattern in data["api"] for path in (root / "api").glob(pattern)}
    assert set((root / "api" / "page").iterdir()) <= matched


def test_help_imports_no_more_than_click():
    code = (
        "import sys\n"
        "from acme.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'acme_sdk', 'dagster', 'flask', 'pydantic', 'pyarrow', 'requests'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("api", "connectors", "dev", "init", "remote", "sync", "test-connector"):
        assert command in done.stdout
