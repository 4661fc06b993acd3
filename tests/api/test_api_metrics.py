"""GET /metrics: read by Prometheus' own parser, of one process and of several."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.registered import Registry
from api.access.keys import KeyRing, KeyStore
from api.quotas.limits import Limits, Places
from tests.api.client import Api
from tests.api.test_api_connectors import HEALTHY, REFUSED, SPEC_WORKSPACE

MakeApi = Callable[..., Api]
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

# Two processes answer a request each, the first one tells what both have counted.
SERVER = """
import os, sys
from pathlib import Path
from acme_orchestration.instance import InstanceReader
from api.app import create_app

folder = Path(sys.argv[1])
app = create_app(folder / "connectors.yaml", InstanceReader.open(folder / "dagster"))
for _ in range(2):
    child = os.fork()
    if not child:
        app.test_client().get("/api/v1/connectors/nobody")
        os._exit(0)
    os.waitpid(child, 0)
app.test_client().get("/livez")
print(app.test_client().get("/metrics").text)
"""


def samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    """A server that knows a healthy connector, a broken one, and two that were never checked."""
    api = make_api(SPEC_WORKSPACE)
    api.record("users_db", HEALTHY, at=datetime.now(UTC) - timedelta(minutes=5))
    api.record("analytics", REFUSED)
    api.listed(until=lambda data: [item["status"] for item in data[:2]] == ["healthy", "unhealthy"])
    return api


def test_states_and_checks_of_connectors(api: Api) -> None:
    response = api.get("/metrics")

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    found = samples(response.text)
    counts = {"healthy": 1, "unhealthy": 1, "unknown": 2, "degraded": 0, "disabled": 0}
    assert counts == {status: value(found, "acme_connectors", status=status) for status in counts}
    users = {"connector": "users_db", "type": "postgres", "role": "source", "status": "healthy"}
    assert value(found, "acme_connector_status", **users) == 1
    assert len([name for name, _ in found if name == "acme_connector_status"]) == 4
    assert value(found, "acme_connector_check_latency_seconds", connector="users_db") == 0.012
    assert 300 <= value(found, "acme_connector_check_age_seconds", connector="users_db") < 900
    assert ("acme_connector_check_age_seconds", frozenset({("connector", "exports")})) not in found
    assert value(found, "acme_states_age_seconds") >= 0


def test_requests_are_counted_by_route_and_not_by_path(api: Api) -> None:
    for number in range(3):
        api.get(f"/api/v1/connectors/canary-{number}")
        api.get(f"/canary-{number}")
    requests.request("CANARY", api.url + "/livez", timeout=120)
    failed = api.test({"type": "postgres", "connection": "postgresql://u:canary-9@127.0.0.1/db"})
    assert failed.json()["data"]["status"] == "failed"

    response = api.get("/metrics")

    found, count = samples(response.text), "acme_api_request_duration_seconds_count"
    assert value(found, count, method="GET", route="/api/v1/connectors/<name>", status="404") == 3
    assert value(found, count, method="GET", route="none", status="404") == 3
    assert value(found, count, method="other", route="none", status="405") == 1
    assert value(found, "acme_api_connection_tests_total", type="postgres", result="failed") == 1
    assert "canary" not in response.text.lower()


def test_what_is_over_a_limit_is_counted(make_api: MakeApi) -> None:
    limits = Limits(tests=Places(1))
    api = make_api(limits=limits)
    with limits.tests.taken("somebody"):
        assert api.get("/api/v1/connector-types").status_code == 429

    found = samples(api.get("/metrics").text)

    assert value(found, "acme_api_requests_rejected_total", route="/api/v1/connector-types") == 1


def test_openmetrics_where_it_is_asked_for_and_no_states_without_a_workspace(api: Api) -> None:
    api.edit("connectors: [")

    response = api.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    names = {family.name for family in openmetrics(response.text)}
    assert "acme_api_request_duration_seconds" in names
    assert "acme_connectors" not in names


def test_it_takes_a_key_to_read(make_api: MakeApi, tmp_path: Path) -> None:
    store = KeyStore(Registry(RegistryDatabase(f"sqlite:///{tmp_path}/registry.db")).database)
    keys = {scope: store.create(scope, [scope], actor="ada") for scope in ("read", "test")}
    api = make_api(keys=KeyRing(store, required=True))

    def status(key: str | None) -> int:
        return api.get("/metrics", headers={"Authorization": f"Bearer {key}"} if key else {}).status_code

    assert [status(None), status(keys["test"]), status(keys["read"])] == [401, 403, 200]


def test_each_process_of_a_server_gives_the_counts_of_all(make_api: MakeApi, tmp_path: Path) -> None:
    api = make_api(SPEC_WORKSPACE)
    done = subprocess.run(
        [sys.executable, "-c", SERVER, str(api.workspace_file.parent)],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    found, count = samples(done.stdout), "acme_api_request_duration_seconds_count"

    assert value(found, count, method="GET", route="/api/v1/connectors/<name>", status="404") == 2
    assert value(found, count, method="GET", route="/livez", status="200") == 1
    assert value(found, "acme_connectors", status="unknown") == 4
