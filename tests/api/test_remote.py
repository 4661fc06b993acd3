"""``acme remote`` on a running API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from acme.cli import main
from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.keys import KeyStore
from acme_orchestration.registry.registered import Registry
from acme_sdk.health import HealthReport, HealthStatus
from api.access.keys import KeyRing
from api.probing.egress import EgressPolicy
from tests.api.client import Api
from tests.sdk.http_server import Answer, serving
from tests.servers import DatabaseServer

WORKSPACE = """
connectors:
  users_db: {type: postgres, role: source, config: {host: h, database: d, user: u}}
  lake: {type: parquet, role: destination, config: {path: lake}}
pipelines:
  users-lake: {source: users_db, destination: lake, schedule: "0 * * * *"}
"""
Acme = Callable[..., Result]


@pytest.fixture
def acme(make_api: Callable[..., Api], tmp_path: Path) -> Acme:
    """Run ``acme remote`` on an API with one unhealthy connector."""
    registry = Registry(RegistryDatabase(f"sqlite:///{tmp_path / 'registry.db'}"))
    store = KeyStore(registry.database)
    key = store.create("ann", ["read", "test", "write"], actor="x")
    egress = EgressPolicy.parse("127.0.0.0/8")
    api = make_api(WORKSPACE, registry=registry, keys=KeyRing(store), egress=egress)
    bad = HealthReport(
        HealthStatus.UNHEALTHY, code="connect.refused", message="h:5432: refused", hint="start it"
    )
    api.record("users_db", bad)

    def run(*arguments: str, input: str | None = None, **env: str) -> Result:
        found = {"ACME_API_URL": api.url, "ACME_API_KEY": key} | env
        result = CliRunner().invoke(main, ["remote", *arguments], env=found, input=input)
        assert key[-40:] not in result.output
        return result

    return run


def test_what_there_is(acme: Acme) -> None:
    listed = acme("connectors", "--sort", "-name")
    assert listed.exit_code == 0, listed.output
    lines = [re.split(r"  +", line) for line in listed.output.splitlines()]
    assert lines[0] == ["Name", "Type", "Role", "Status", "Last check (UTC)", "Used by"]
    assert [line[0] for line in lines[1:]] == ["users_db", "lake"]
    assert lines[2][4] == "users-lake"
    found = json.loads(acme("connectors", "--role", "source", "--type", "postgres", "--json").output)
    assert [one["name"] for one in found] == ["users_db"]
    assert re.search(r"config\.host +h\n", acme("show", "users_db").output)

    health = acme("health", "users_db")
    assert (health.exit_code, acme("health", "lake").exit_code) == (1, 0)
    assert "failed: h:5432: refused [connect.refused]\nhint: start it" in health.output
    assert json.loads(acme("health", "users_db", "--json").output)["status"] == "unhealthy"
    assert acme("streams", "lake").output == "Stream  Primary key  Cursor  Columns\n"
    assert re.search(r"\nduckdb +(source, )?destination +built in\n", acme("types").output)
    schemas = {
        one["name"]: one["roles"][0]["config_schema"] for one in json.loads(acme("types", "--json").output)
    }
    assert "path" in schemas["duckdb"]["properties"]
    assert re.search(r"users-lake +users_db +lake +0 \* \* \* \*", acme("pipelines").output)


def test_a_connector_is_registered_changed_and_deleted(acme: Acme, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"path": "sea"}')
    role = ["--type", "parquet", "--role", "destination"]
    made = acme("register", "sea", *role, "--config", f"@{config}")
    assert (made.exit_code, made.output) == (0, "Registered sea, version 2.\n"), made.output
    assert acme("change", "sea", "--owner", "team:data", "--disabled").output == "Changed sea, version 3.\n"
    shown = json.loads(acme("show", "sea", "--json").output)
    assert (shown["owner"], shown["disabled"], shown["config"]) == ("team:data", True, {"path": "sea"})

    late = acme("change", "sea", "--enabled", "--version", "2")
    assert late.exit_code == 1
    assert "[registry.conflict]\nhint: look at it again" in late.output
    wrong = acme("change", "sea", "--config", "-", input='{"path": "/etc"}')
    assert wrong.exit_code == 1
    assert "\n  config.path: must lie in the folder" in wrong.output
    unfit = acme("register", "a/b", *role)
    assert (unfit.exit_code, "name: " in unfit.output) == (2, True)
    assert acme("delete", "sea", "--yes").output == "Deleted sea.\n"
    assert acme("delete", "sea", "--yes").exit_code == 1


def test_a_connection_is_tried(acme: Acme, postgres: DatabaseServer) -> None:
    good = acme(
        "test-connection", "postgres", "--connection", "-", input=postgres.connection_string("postgres")
    )
    assert good.exit_code == 0, good.output
    assert re.search(r"status +connected\n", good.output)
    bad = acme("test-connection", "postgres", "--connection", "postgresql://u:canary@10.0.0.1/db")
    assert bad.exit_code == 1
    assert "[egress.refused]\nhint: " in bad.output
    none = acme("test-connection", "postgres")
    assert none.exit_code == 1
    assert "send either `connection` or `config`" in none.output


def test_what_cannot_be_done(acme: Acme) -> None:
    started = acme("run", "users-lake", "--wait", "5")
    assert (started.exit_code, "[dagster.nowhere]" in started.output) == (3, True)
    assert acme("test", "nothing").exit_code == 1
    assert acme("connectors", ACME_API_KEY="acme_wrong").exit_code == 1
    assert acme("connectors", ACME_API_URL="").exit_code == 2
    assert acme("connectors", "--status", "fine").exit_code == 2
    with serving(lambda _: Answer({})) as server:
        url = server.url
    gone = acme("connectors", "--url", url)
    assert (gone.exit_code, "[connect.refused]" in gone.output) == (3, True)


def test_a_run_ends_well_or_not() -> None:
    for status, code in (("SUCCESS", 0), ("FAILURE", 1)):
        launched = {"data": {"id": "r", "job": "users_lake", "status": status}}
        with serving(lambda _, body=launched: Answer(body)) as server:  # type: ignore[misc]
            run = CliRunner().invoke(
                main, ["remote", "run", "users-lake", "--wait", "9", "--url", server.url]
            )
            assert (run.exit_code, run.output) == (code, f"users_lake: {status} (r)\n")
            test = CliRunner().invoke(main, ["remote", "test", "lake", "--json", "--url", server.url])
            assert (test.exit_code, json.loads(test.output)) == (0, launched["data"])
