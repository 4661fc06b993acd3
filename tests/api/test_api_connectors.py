"""GET /api/v1/connectors and GET /api/v1/connectors/<name>/health, over a real Dagster instance."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acme_sdk.health import HealthReport, HealthStatus
from acme_sdk.steps import Step
from tests.api.client import Api

MakeApi = Callable[..., Api]

# The check of the specification's example is long past: with an interval this long it still counts.
SPEC_WORKSPACE = """
connectors:
  users_db:
    type: postgres
    role: source
    config: {host: db, database: users, user: reader, password: {env: USERS_DB_PASSWORD}}
    check_interval_s: 1000000000
  analytics:
    type: bigquery
    role: destination
    config: {project: acme, dataset: analytics}
    check_interval_s: 1000000000
  exports:
    type: duckdb
    role: destination
    config: {path: exports.duckdb}
  orders_db:
    type: postgres
    role: source
    config: {host: db, database: orders, user: reader, password: {env: ORDERS_DB_PASSWORD}}
pipelines:
  user-analytics: {source: users_db, destination: analytics}
  user-export: {source: users_db, destination: exports}
  order-sync: {source: orders_db, destination: analytics}
"""

SPEC_ANSWER: list[dict[str, Any]] = [
    {
        "name": "users_db",
        "type": "postgres",
        "role": "source",
        "status": "healthy",
        "last_check": "2026-02-15T10:28:00Z",
        "pipelines": ["user-analytics", "user-export"],
    },
    {
        "name": "analytics",
        "type": "bigquery",
        "role": "destination",
        "status": "healthy",
        "last_check": "2026-02-15T10:28:00Z",
        "pipelines": ["user-analytics", "order-sync"],
    },
]

HEALTHY = HealthReport(HealthStatus.HEALTHY, latency_ms=12, server_version="PostgreSQL 15.2")
REFUSED = HealthReport(
    HealthStatus.UNHEALTHY, "connect.refused", "nothing listens on db:5432", "check the port", latency_ms=3
)


def one_connector(**fields: object) -> str:
    extra = "".join(f"    {name}: {value}\n" for name, value in fields.items())
    return f"connectors:\n  users_db:\n    type: postgres\n    role: source\n{extra}"


def test_the_list_is_the_specifications_key_by_key(make_api: MakeApi) -> None:
    api = make_api(SPEC_WORKSPACE)
    for name in ("users_db", "analytics"):
        api.record(name, HEALTHY, at=datetime(2026, 2, 15, 10, 28, tzinfo=UTC))

    response = api.get("/api/v1/connectors")

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    document = response.json()
    assert list(document) == ["data"]
    for found, wanted in zip(document["data"], SPEC_ANSWER, strict=False):
        assert list(found) == list(wanted)
        for key, value in wanted.items():
            assert (type(found[key]), found[key]) == (type(value), value), key
    assert [item["name"] for item in document["data"]] == ["users_db", "analytics", "exports", "orders_db"]


def test_a_connector_that_was_never_checked_is_unknown(make_api: MakeApi) -> None:
    (item,) = make_api(one_connector()).get("/api/v1/connectors").json()["data"]

    assert item == {
        "name": "users_db",
        "type": "postgres",
        "role": "source",
        "status": "unknown",
        "last_check": None,
        "pipelines": [],
    }


def test_the_list_follows_each_new_check(make_api: MakeApi) -> None:
    api = make_api(one_connector())
    assert api.get("/api/v1/connectors").json()["data"][0]["status"] == "unknown"
    for report in (HEALTHY, REFUSED, HEALTHY):
        api.record("users_db", report)
        api.listed(until=lambda data, status=report.status: data[0]["status"] == status)


def test_a_list_that_has_not_changed_is_not_sent_again(make_api: MakeApi) -> None:
    api = make_api(one_connector())
    first = api.get("/api/v1/connectors")
    known = {"If-None-Match": first.headers["ETag"]}

    again = api.get("/api/v1/connectors", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == "private, no-cache"

    api.record("users_db", HEALTHY)
    api.listed(until=lambda data: data[0]["status"] == "healthy")
    changed = api.get("/api/v1/connectors", headers=known)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_the_list_outlives_dagsters_database(make_api: MakeApi) -> None:
    api = make_api(one_connector())
    api.record("users_db", HEALTHY)
    before = api.get("/api/v1/connectors").json()
    databases = api.workspace_file.parent / "dagster" / "history"
    databases.rename(databases.with_name("away"))
    api.edit(one_connector() + "\n")  # what needs a look at the database

    assert api.get("/api/v1/connectors").json() == before

    databases.with_name("away").rename(databases)
    api.record("users_db", REFUSED)
    api.listed(until=lambda data: data[0]["status"] == "unhealthy")


def test_fractions_of_a_second_are_left_out(make_api: MakeApi) -> None:
    api = make_api(one_connector(check_interval_s=1_000_000_000))
    api.record("users_db", HEALTHY, at=datetime(2026, 2, 15, 10, 28, 59, 999_999, tzinfo=UTC))

    (item,) = api.get("/api/v1/connectors").json()["data"]

    assert item["last_check"] == "2026-02-15T10:28:59Z"


def test_a_disabled_connector_says_so(make_api: MakeApi) -> None:
    (item,) = make_api(one_connector(disabled="true")).get("/api/v1/connectors").json()["data"]

    assert item["status"] == "disabled"


def test_a_changed_file_is_read_again(make_api: MakeApi) -> None:
    api = make_api(one_connector())
    assert len(api.get("/api/v1/connectors").json()["data"]) == 1

    api.edit(SPEC_WORKSPACE)

    assert len(api.get("/api/v1/connectors").json()["data"]) == 4


def test_an_environments_file_is_read_again_when_it_changes(make_api: MakeApi) -> None:
    api = make_api(one_connector(), environment="prod")

    response = api.get("/api/v1/connectors")

    assert response.status_code == 503
    assert "there is no environment 'prod': connectors.prod.yaml is missing" in response.json()["detail"]
    overlay = api.workspace_file.with_name("connectors.prod.yaml")
    for kind in ("duckdb", "parquet"):
        api.edit(f"connectors: {{store: {{type: {kind}, role: destination}}}}\n", overlay)
        listed = api.get("/api/v1/connectors").json()["data"]
        assert [item["type"] for item in listed] == ["postgres", kind]


def test_a_file_that_became_invalid_is_a_problem_until_it_is_corrected(make_api: MakeApi) -> None:
    api = make_api(one_connector())
    api.edit("connectors:\n  users_db: ]\n")

    response = api.get("/api/v1/connectors")

    assert response.status_code == 503
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["code"] == "workspace.invalid"
    assert "connectors.yaml" in problem["detail"]
    assert "line 2" in problem["detail"]
    assert str(api.workspace_file.parent) not in response.text

    api.edit(one_connector())
    assert api.get("/api/v1/connectors").status_code == 200


def test_one_wrong_entry_hides_no_other(make_api: MakeApi) -> None:
    api = make_api(one_connector() + "  odd name!:\n    type: postgres\n    role: source\n")

    statuses = {i["name"]: i["status"] for i in api.get("/api/v1/connectors").json()["data"]}
    assert statuses == {"users_db": "unknown", "odd name!": "unhealthy"}

    health = api.get("/api/v1/connectors/odd%20name!/health")
    assert health.status_code == 200
    assert health.json()["data"]["error"]["code"] == "config.invalid"


def test_health_of_a_connector_that_works(make_api: MakeApi) -> None:
    api = make_api(one_connector())
    now = datetime.now(UTC)
    api.record("users_db", HEALTHY, at=now, since=now - timedelta(hours=2))

    health = api.get("/api/v1/connectors/users_db/health").json()["data"]

    assert health["name"] == "users_db"
    assert health["status"] == "healthy"
    assert health["since"] == (now - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert health["last_check"] == now.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert health["latency_ms"] == 12
    assert health["server_version"] == "PostgreSQL 15.2"
    assert health["error"] is None
    assert health["uptime"]["ratio"] == 1.0
    assert health["checks"] == [
        {
            "at": health["last_check"],
            "status": "healthy",
            "latency_ms": 12,
            "code": None,
            "message": None,
            "steps": [],
        }
    ]


def test_health_of_a_connector_that_does_not_work(make_api: MakeApi) -> None:
    api = make_api(one_connector())
    api.record("users_db", REFUSED)

    health = api.get("/api/v1/connectors/users_db/health").json()["data"]

    assert health["status"] == "unhealthy"
    assert health["error"] == {
        "code": "connect.refused",
        "message": "nothing listens on db:5432",
        "hint": "check the port",
    }


def test_health_has_the_steps_of_each_check(make_api: MakeApi) -> None:
    api = make_api(one_connector())
    steps = (Step("resolve", "passed", 2), Step("connect", "failed", 1))
    api.record("users_db", HEALTHY)
    api.record("users_db", replace(REFUSED, steps=steps))

    health = api.get("/api/v1/connectors/users_db/health").json()["data"]

    assert health["steps"] == [
        {"name": "resolve", "result": "passed", "latency_ms": 2},
        {"name": "connect", "result": "failed", "latency_ms": 1},
    ]
    assert [check["steps"] for check in health["checks"]] == [health["steps"], []]


def test_uptime_is_the_share_of_time_and_not_of_checks(make_api: MakeApi) -> None:
    api = make_api(one_connector())
    now = datetime.now(UTC)
    for hours, report in ((10, HEALTHY), (2, REFUSED), (1, REFUSED), (0, HEALTHY)):
        api.record("users_db", report, at=now - timedelta(hours=hours))

    health = api.get("/api/v1/connectors/users_db/health").json()["data"]

    assert health["uptime"] == {
        "ratio": 0.8,
        "window_start": (now - timedelta(hours=10)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "window_end": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "checks": 4,
    }
    assert [check["status"] for check in health["checks"]] == ["healthy", "unhealthy", "unhealthy", "healthy"]


def test_an_unknown_connector_is_a_problem(make_api: MakeApi) -> None:
    response = make_api().get("/api/v1/connectors/nobody/health")

    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id"}
    assert problem["code"] == "connector.unknown"
    assert problem["status"] == 404


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/connectors", "/docs/assets/../../app.py"])
def test_an_unknown_path_is_a_problem(make_api: MakeApi, path: str) -> None:
    response = make_api().get(path)

    assert response.status_code == 404
    assert response.json()["code"] == "path.unknown"


def test_timestamps_have_one_form(make_api: MakeApi) -> None:
    api = make_api(one_connector())
    api.record("users_db", HEALTHY)

    text = api.get("/api/v1/connectors/users_db/health").text

    stamps = re.findall(r'"(\d{4}-[^"]*)"', text)
    assert len(stamps) == 11
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp) for stamp in stamps)
