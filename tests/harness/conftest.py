"""What the harness's tests share: an API on loopback, and the command run as a user would."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.harness.api import KEY, Api, serving

BROKEN = Path(__file__).parents[1] / "mutants" / "sources"
ACME = [sys.executable, "-c", "from acme.cli import main; main()", "test-connector"]


@dataclass
class Ended:
    """A command that has ended."""

    exit_code: int
    output: str
    errors: str

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.output)

    @property
    def outcomes(self) -> dict[str, str]:
        return {check["id"]: check["outcome"] for check in self.report["checks"]}

    @property
    def failed(self) -> set[str]:
        return {check for check, outcome in self.outcomes.items() if outcome == "failed"}


def harness(file: Path, config: dict[str, Any], *arguments: str) -> Ended:
    """Run ``acme test-connector``; the configuration goes in on standard input."""
    done = subprocess.run(
        [*ACME, str(file), "--config", "-", *arguments],
        input=json.dumps(config),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as api:
        yield api


@pytest.fixture
def source_config(api: Api) -> dict[str, Any]:
    return {"api_url": api.url, "api_key": KEY}


@pytest.fixture
def destination_config(api: Api) -> dict[str, Any]:
    return {"endpoint": f"{api.url}/load"}
