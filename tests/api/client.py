"""What the tests of the API talk to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from dagster import DagsterInstance

from acme_orchestration.checks.evaluation import CheckRecord, evaluation_of
from acme_sdk.health import HealthReport

__all__ = ["Api"]


@dataclass
class Api:
    """A running server, its workspace file, and the Dagster instance that it reads."""

    url: str
    workspace_file: Path
    instance: DagsterInstance

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=30)

    def test(self, body: Any) -> requests.Response:
        return requests.post(self.url + "/api/v1/connectors/test", json=body, timeout=60)

    def record(
        self, name: str, report: HealthReport, at: datetime | None = None, since: datetime | None = None
    ) -> None:
        """Store a health check of a connector, as the health sensor does."""
        at = at or datetime.now(UTC)
        self.instance.report_runless_asset_event(evaluation_of(name, CheckRecord(at, report, since or at)))
