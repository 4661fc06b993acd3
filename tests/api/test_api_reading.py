"""One connector as it is configured, pipelines, runs, and what a supervisor asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster import AssetMaterialization, job, op

from acme_orchestration.naming import stream_key
from acme_orchestration.registration import Registrar
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.registered import Registry
from tests.api.client import Api
from tests.api.test_api_connectors import HEALTHY, REFUSED, SPEC_WORKSPACE, one_connector

MakeApi = Callable[..., Api]

SECRETIVE = """
connectors:
  users_db:
    type: postgres
    role: source
    description: People
    owner: team:data
    check_interval_s: 30
    config:
      host: db
      password: canary-1
      reference: {env: USERS_DB_PASSWORD}
      url: postgresql://reader:canary-2@db/users
      options: [sslmode=require, "password = canary-3"]
      nested: {api_key: canary-4, page_size: 100}
"""


def test_a_declared_connector_is_shown_as_written_without_secrets(make_api: MakeApi) -> None:
    response = make_api(SECRETIVE).get("/api/v1/connectors/users_db")

    assert response.status_code == 200
    assert response.json()["data"] == {
        "name": "users_db",
        "type": "postgres",
        "role": "source",
        "config": {
            "host": "db",
            "password": "********",
            "reference": {"env": "USERS_DB_PASSWORD"},
            "url": "********",
            "options": ["sslmode=require", "********"],
            "nested": {"api_key": "********", "page_size": 100},
        },
        "description": "People",
        "owner": "team:data",
        "disabled": False,
        "check_interval_s": 30,
        "check_timeout_s": 10.0,
        "failure_threshold": 1,
        "success_threshold": 1,
        "fault": None,
        "origin": "declared",
        "version": None,
        "registered_at": None,
        "changed_at": None,
    }
    assert "canary" not in response.text


def test_a_registered_connectors_tag_is_its_version(make_api: MakeApi, tmp_path: Path) -> None:
    registry = Registry(RegistryDatabase(f"sqlite:///{tmp_path}/registry.db"))
    api = make_api(one_connector(), registry=registry)
    fields = {"type": "duckdb", "role": "destination", "config": {"path": "x.duckdb"}}
    record = Registrar(api.workspace_file, registry).register("connector", "exports", fields, actor="ada")

    response = api.get("/api/v1/connectors/exports")

    found = response.json()["data"]
    assert (found["origin"], found["version"], found["config"]) == (
        "registered",
        record.version,
        {"path": "x.duckdb"},
    )
    assert found["registered_at"] == found["changed_at"] == record.changed_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert response.headers["ETag"] == f'"v{record.version}"'
    known = {"If-None-Match": response.headers["ETag"]}
    assert api.get("/api/v1/connectors/exports", headers=known).status_code == 304
    assert [item["name"] for item in api.get("/api/v1/connectors").json()["data"]] == ["users_db", "exports"]


def test_what_is_not_there_is_a_problem(make_api: MakeApi) -> None:
    api = make_api()

    for path, code in (
        ("connectors/nobody", "connector.unknown"),
        ("pipelines/nothing", "pipeline.unknown"),
        ("runs/5c3b1f0e-6f5c-4f0c-9a51-0d9b0f6a7f11", "run.unknown"),
    ):
        response = api.get(f"/api/v1/{path}")
        assert (response.status_code, response.json()["code"]) == (404, code)


def test_uptime_over_a_day_a_week_and_a_month(make_api: MakeApi) -> None:
    api = make_api(one_connector())
    now = datetime.now(UTC)
    for days, report in ((40, HEALTHY), (15, REFUSED), (3.5, HEALTHY), (0.25, REFUSED), (0, REFUSED)):
        api.record("users_db", report, at=now - timedelta(days=days))

    health = api.get("/api/v1/connectors/users_db/health").json()["data"]

    ratios = [round(health[f"uptime{over}"]["ratio"], 3) for over in ("_24h", "_7d", "_30d", "")]
    assert ratios == [0.75, round(3.25 / 7, 3), round(18.25 / 30, 3), round(28.25 / 40, 3)]
    assert [health[f"uptime{over}"]["checks"] for over in ("_24h", "_7d", "_30d", "")] == [2, 3, 4, 5]
    assert health["uptime_7d"]["window_start"][:10] == (now - timedelta(days=7)).strftime("%Y-%m-%d")


def test_uptime_of_a_time_in_which_nothing_was_checked(make_api: MakeApi) -> None:
    api = make_api(one_connector())
    api.record("users_db", HEALTHY, at=datetime.now(UTC) - timedelta(days=3))

    health = api.get("/api/v1/connectors/users_db/health").json()["data"]

    assert health["uptime_24h"] == {"ratio": None, "window_start": None, "window_end": None, "checks": 0}
    assert health["uptime_7d"]["ratio"] == 1.0


def test_pipelines_and_how_they_are_doing(make_api: MakeApi) -> None:
    api = make_api(SPEC_WORKSPACE)
    began = datetime.now(UTC) - timedelta(minutes=5)
    metadata = {"rows_loaded": 47, "started_at": began.timestamp()}
    entry = read_workspace(api.workspace_file).pipelines["user-analytics"]
    key = stream_key(entry, entry.streams[0])
    api.instance.report_runless_asset_event(AssetMaterialization(key, metadata=metadata))

    items = api.get("/api/v1/pipelines").json()["data"]

    assert [item["name"] for item in items] == ["user-analytics", "user-export", "order-sync"]
    first = items[0]
    assert (first["source"], first["destination"], first["rows"]) == ("users_db", "analytics", 47)
    assert 300 <= first["lag_s"] < 900
    assert first["last_sync"] is not None
    assert first["streams"] == [{"stream": None, "table": None, "write_mode": "overwrite"}]
    assert api.get("/api/v1/pipelines/user-analytics").json()["data"] | {"lag_s": 0} == first | {"lag_s": 0}
    assert items[1]["last_sync"] is items[1]["lag_s"] is items[1]["last_run"] is None


@op
def nothing() -> None:
    pass


@job(name="test_users_db")
def connection_test() -> None:
    nothing()


def test_a_run_and_how_far_it_is(make_api: MakeApi) -> None:
    api = make_api()
    result = connection_test.execute_in_process(instance=api.instance)

    run = api.get(f"/api/v1/runs/{result.run_id}").json()["data"]

    assert (run["id"], run["job"], run["status"]) == (result.run_id, "test_users_db", "SUCCESS")
    assert run["created_at"] <= run["started_at"] <= run["ended_at"]


def test_a_supervisor_learns_whether_the_server_can_answer(make_api: MakeApi) -> None:
    api = make_api(one_connector())
    assert api.get("/livez").json() == {"status": "alive"}
    assert api.get("/readyz").json() == {"status": "ready"}

    api.edit("connectors: [")

    assert api.get("/livez").status_code == 200
    unready = api.get("/readyz")
    assert (unready.status_code, unready.json()["code"]) == (503, "workspace.invalid")
