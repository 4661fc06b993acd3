"""What is answered while Dagster's database is away: a Postgres that is stopped and started again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from dagster import DagsterInstance

from acme_orchestration.instance import InstanceReader, InstanceUnavailableError
from tests.api.client import Api, running_api
from tests.api.test_api_connectors import HEALTHY, REFUSED, SPEC_WORKSPACE
from tests.servers import DatabaseServer


@pytest.fixture
def home(postgres: DatabaseServer, tmp_path: Path) -> Path:
    """A Dagster home whose storage is a Postgres."""
    url = postgres.connection_string(postgres.create_database()).replace("://", "+psycopg2://")
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(
        f"telemetry: {{enabled: false}}\nstorage: {{postgres: {{postgres_url: '{url}'}}}}\n"
    )
    return home


@pytest.fixture
def api(home: Path, tmp_path: Path) -> Iterator[Api]:
    with (
        DagsterInstance.from_config(str(home)) as instance,
        running_api(tmp_path / "api", SPEC_WORKSPACE, instance=instance) as api,
    ):
        yield api


@pytest.fixture
def stopped(postgres: DatabaseServer) -> Iterator[Callable[[], None]]:
    """Stop the server; it is started again in any case."""
    yield postgres.stop
    if not postgres.is_running:
        postgres.start()


def eventually(get: Callable[[], requests.Response], is_right: Callable[[requests.Response], bool]) -> Any:
    deadline = time.monotonic() + 120
    while not is_right(response := get()):
        assert time.monotonic() < deadline, response.text
        time.sleep(0.2)
    return response.json()


def test_while_the_database_is_away(
    api: Api, home: Path, postgres: DatabaseServer, stopped: Callable[[], None], tmp_path: Path
) -> None:
    for name in ("users_db", "analytics"):
        api.record(name, HEALTHY)
    api.listed(until=lambda data: [item["status"] for item in data[:2]] == ["healthy", "healthy"])
    listed = api.get("/api/v1/connectors").json()
    before = api.get("/api/v1/connectors/users_db/health").json()["data"]
    assert "as_of" not in before
    assert api.get("/api/v1/pipelines").status_code == 200

    stopped()

    for path in ("pipelines", "pipelines/user-export", "runs/5c3b1f0e-6f5c-4f0c-9a51-0d9b0f6a7f11"):
        response = api.get(f"/api/v1/{path}")
        assert (response.status_code, response.json()["code"]) == (503, "dagster.unavailable"), path
        assert response.headers["Content-Type"] == "application/problem+json"
        assert int(response.headers["Retry-After"]) > 0
        assert postgres.password not in response.text
    assert api.get("/api/v1/connectors").json() == listed
    during = api.get("/api/v1/connectors/users_db/health").json()["data"]
    assert during["as_of"] is not None
    assert (during["status"], during["checks"]) == ("healthy", before["checks"])
    unread = api.get("/api/v1/connectors/analytics/health").json()["data"]
    assert (unread["status"], unread["latency_ms"], unread["checks"]) == ("healthy", 12, [])
    assert unread["uptime"]["ratio"] is None
    assert api.get("/livez").status_code == 200
    assert "acme_connector_status" in api.get("/metrics").text
    # One that never could read it knows nothing.
    with running_api(tmp_path / "late", SPEC_WORKSPACE, instance=api.instance) as late:
        for response in (late.get("/api/v1/connectors"), late.get("/readyz")):
            assert (response.status_code, response.json()["code"]) == (503, "dagster.unavailable")
    with pytest.raises(InstanceUnavailableError) as caught:
        InstanceReader.open(home)
    assert postgres.password not in str(caught.value)

    postgres.start()

    eventually(lambda: api.get("/api/v1/pipelines"), lambda response: response.status_code == 200)
    api.record("users_db", REFUSED)
    api.listed(until=lambda data: data[0]["status"] == "unhealthy")
    after = api.get("/api/v1/connectors/users_db/health").json()["data"]
    assert "as_of" not in after
    assert [check["status"] for check in after["checks"]] == ["unhealthy", "healthy"]
