"""A running API that the tests talk to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from dagster import DagsterInstance
from werkzeug.serving import BaseWSGIServer, make_server

from acme_orchestration.instance import InstanceReader
from acme_orchestration.instance.evaluation import CheckRecord, evaluation_of
from acme_sdk.health import HealthReport
from api.app import create_app
from tests.dagster_home import opened_instance

__all__ = ["Api", "running_api"]


@dataclass
class Api:
    """A running server, its workspace file, and the Dagster instance that it reads."""

    url: str
    workspace_file: Path
    instance: DagsterInstance
    server: BaseWSGIServer

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=120, **options)

    def listed(self, until: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Return the list of connectors as soon as it is as it should be: a status takes up to a second."""
        deadline = time.monotonic() + 60
        while not until(found := self.get("/api/v1/connectors").json()["data"]):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found

    def edit(self, text: str, file: Path | None = None) -> None:
        """Write a file of the workspace, and wait until a request would look at it again."""
        (file or self.workspace_file).write_text(text)
        time.sleep(0.05)

    def test(self, body: Any) -> requests.Response:
        return requests.post(self.url + "/api/v1/connectors/test", json=body, timeout=120)

    def record(
        self, name: str, report: HealthReport, at: datetime | None = None, since: datetime | None = None
    ) -> None:
        """Store a health check of a connector, as the health sensor does."""
        at = at or datetime.now(UTC)
        self.instance.report_runless_asset_event(evaluation_of(name, CheckRecord(at, report, since or at)))


@contextmanager
def running_api(
    folder: Path,
    workspace: str = "connectors: {}\n",
    *,
    instance: DagsterInstance | None = None,
    **options: Any,
) -> Iterator[Api]:
    """Serve a workspace for the time of a ``with`` block.

    Args:
        folder: Where the workspace and the Dagster instance are made.
        workspace: The text of its ``connectors.yaml``.
        instance: Another Dagster instance than one of its own.
        options: The further arguments of `create_app`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "connectors.yaml"
    file.write_text(workspace)
    with nullcontext(instance) if instance else opened_instance(folder / "dagster") as instance:
        app = create_app(file, InstanceReader(instance), **options)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Api(f"http://127.0.0.1:{server.port}", file, instance, server)
        finally:
            server.shutdown()
            thread.join(10)
            server.server_close()
            app.extensions["acme"].snapshot.close()
