"""Who uses which connector, asked of a real webserver with three code locations, one of which goes away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import requests
from dagster import DagsterInstance

from acme_orchestration.dev.ports import free_port
from acme_orchestration.instance import InstanceReader
from acme_orchestration.usage.reader import UsageReader, Users
from tests.api.client import Api, running_api

BIN = Path(sysconfig.get_path("scripts"))

CONNECTORS_YAML = """
connectors:
  users-db: {type: postgres, role: source, config: {host: h, database: d, user: u, password: {env: NOT_SET}}}
  analytics: {type: duckdb, role: destination, config: {path: analytics.duckdb}}
  idle: {type: duckdb, role: destination, config: {path: idle.duckdb}}
pipelines:
  user-analytics: {source: users-db, destination: analytics, schedule: "0 * * * *"}
"""

OURS = """
from pathlib import Path
from acme_orchestration.definitions import build_definitions
from acme_orchestration.registry.current import read_workspace

defs = build_definitions(read_workspace(Path(__file__).with_name("connectors.yaml")))
"""

THEIRS = """
from pathlib import Path
import dagster as dg
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.resources import DuckDBResource, PostgresResource
from acme_orchestration.resources.binding import connector_resources

connectors = connector_resources(read_workspace(Path(__file__).with_name("connectors.yaml")))


class Reports(dg.ConfigurableResource):
    users_db: PostgresResource


class Mail(dg.ConfigurableResource):
    reports: Reports


class Unrelated(dg.ConfigurableResource):
    name: str = "users-db"
    type: str = "a thing of theirs"


@dg.asset(key=["marts", "users"])
def marts(users_db: PostgresResource): ...


@dg.asset
def mailed(mail: Mail): ...


@dg.asset
def alone(unrelated: Unrelated): ...


@dg.op
def export_op(warehouse: DuckDBResource): ...


@dg.job
def export():
    export_op()


@dg.sensor(job=export)
def watching(users_db: PostgresResource):
    return dg.SkipReason(f"{users_db.name} is {type(users_db).__name__}")


reports = Reports(users_db=connectors["users_db"])
defs = dg.Definitions(
    assets=[marts, mailed, alone],
    jobs=[export, dg.define_asset_job("nightly", selection=["mailed"])],
    sensors=[watching],
    resources={
        "users_db": connectors["users_db"],
        "warehouse": connectors["analytics"],  # under a name of their own
        "reports": reports,
        "mail": Mail(reports=reports),
        "unrelated": Unrelated(),
    },
)
"""

# Dagster does not refuse resources that need each other as long as no job is given them.
LOOPS = """
from pathlib import Path
import dagster as dg
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.resources.binding import connector_resources

connector = connector_resources(read_workspace(Path(__file__).with_name("connectors.yaml")))["analytics"]


@dg.resource(required_resource_keys={"second"})
def first(context): ...


@dg.resource(required_resource_keys={"first", "analytics"})
def second(context): ...


@dg.op(required_resource_keys={"analytics"})
def looping_op(context): ...


@dg.job(resource_defs={"analytics": connector})
def looping():
    looping_op()


defs = dg.Definitions(
    jobs=[looping], resources={"first": first, "second": second, "analytics": connector}
)
"""

WORKSPACE_YAML = """
load_from:
  - python_file: {relative_path: ours.py, location_name: ours}
  - python_file: {relative_path: loops.py, location_name: loops}
  - grpc_server: {host: 127.0.0.1, port: %d, location_name: theirs}
"""


class Dagster:
    """A webserver, and the code server of a location of somebody else's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        (self.home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        files = {
            "connectors.yaml": CONNECTORS_YAML, "ours.py": OURS, "theirs.py": THEIRS, "loops.py": LOOPS
        }  # fmt: skip
        for name, text in files.items():
            (folder / name).write_text(textwrap.dedent(text))
        self.port, self.code_port = free_port(), free_port()
        (folder / "workspace.yaml").write_text(WORKSPACE_YAML % self.code_port)
        self.url = f"http://127.0.0.1:{self.port}"
        self.instance = DagsterInstance.from_config(str(self.home))
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start_theirs(self) -> None:
        options = ["-f", "theirs.py", "-h", "127.0.0.1", "-p", str(self.code_port)]
        self._start("theirs", [sys.executable, "-m", "dagster", "api", "grpc", *options])

    def start_webserver(self) -> None:
        options = ["-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(self.port)]
        self._start("webserver", [str(BIN / "dagster-webserver"), *options])

    def _start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                cwd=self.folder,
                env=os.environ | {"DAGSTER_HOME": str(self.home)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self, name: str) -> None:
        process = self._running.pop(name)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def close(self) -> None:
        for name in list(self._running):
            self.stop(name)
        self.instance.dispose()

    def usage(self) -> UsageReader:
        return UsageReader(self.url, InstanceReader(self.instance))

    def dry_run(self, sensor: str) -> str:
        """Evaluate a sensor of theirs, as its page in the web UI does."""
        query = """
            mutation Try($selector: SensorSelector!) { sensorDryRun(selectorData: $selector, cursor: "") {
                __typename ... on DryRunInstigationTick {
                    evaluationResult { skipReason error { message } } } } }
        """
        selector = {
            "repositoryName": "__repository__", "repositoryLocationName": "theirs", "sensorName": sensor
        }  # fmt: skip
        body = {"query": query, "variables": {"selector": selector}}
        answer = requests.post(f"{self.url}/graphql", json=body, timeout=120).json()
        return str(answer["data"]["sensorDryRun"]["evaluationResult"]["skipReason"])


@pytest.fixture
def dagster(tmp_path: Path) -> Iterator[Dagster]:
    running = Dagster(tmp_path)
    try:
        running.start_theirs()
        running.start_webserver()
        yield running
    finally:
        running.close()


def refreshed(usage: UsageReader, is_there: Callable[[Mapping[str, Users]], bool]) -> Mapping[str, Users]:
    """Refresh until something is so."""

    def refreshed_now(_: Mapping[str, Users]) -> bool:
        usage.refresh()
        return is_there(usage.users())

    return awaited(usage, refreshed_now)


def awaited(usage: UsageReader, is_there: Callable[[Mapping[str, Users]], bool]) -> Mapping[str, Users]:
    """Wait until something is so."""
    deadline = time.monotonic() + 400
    while not is_there(usage.users()):
        assert time.monotonic() < deadline, usage.users()
        time.sleep(0.3)
    return usage.users()


ALL = {
    "users-db": {"user-analytics", "marts/users", "mailed", "nightly"},
    "analytics": {"user-analytics", "export", "looping"},
}


def names(users: Mapping[str, Users]) -> dict[str, set[str]]:
    return {connector: set(used_by.names) for connector, used_by in users.items()}


def listed(api: Api) -> dict[str, dict[str, object]]:
    return {item["name"]: item for item in api.get("/api/v1/connectors").json()["data"]}


@pytest.mark.timeout(1200)
def test_users_are_known_in_all_locations_also_while_one_is_away(dagster: Dagster, tmp_path: Path) -> None:
    usage = dagster.usage()
    assert usage.users() == {}

    users = refreshed(usage, lambda users: names(users) == ALL)
    assert all(used_by.as_of is None for used_by in users.values())
    assert dagster.dry_run("watching") == "users-db is PostgresResource"
    with running_api(tmp_path / "api", CONNECTORS_YAML, usage=usage) as api:
        items = listed(api)
        assert items["users-db"]["pipelines"] == ["user-analytics", "mailed", "marts/users", "nightly"]
        assert items["idle"]["pipelines"] == []
        assert not any("pipelines_as_of" in item for item in items.values())

        dagster.stop("theirs")
        users = refreshed(usage, lambda users: users["users-db"].as_of is not None)
        assert names(users) == ALL
        items = listed(api)
        assert items["users-db"]["pipelines"] == ["user-analytics", "mailed", "marts/users", "nightly"]
        assert str(items["users-db"]["pipelines_as_of"]).endswith("Z")
        assert "pipelines_as_of" not in items["idle"]

    # A process that starts only now knows as much, and so does one that cannot reach the webserver either.
    again = dagster.usage()
    assert names(again.users()) == ALL
    again.refresh()
    assert again.users() == users
    dagster.stop("webserver")
    again.refresh()
    assert names(again.users()) == ALL
    assert all(used_by.as_of is not None for used_by in again.users().values())

    # They come back without an asset, and a location has left the workspace.
    theirs, workspace = dagster.folder / "theirs.py", dagster.folder / "workspace.yaml"
    theirs.write_text(theirs.read_text().replace("assets=[marts, mailed,", "assets=[mailed,"))
    workspace.write_text("".join(line for line in workspace.open() if "loops" not in line))
    dagster.start_theirs()
    dagster.start_webserver()
    again.watch(every_s=0.3)
    try:
        users = awaited(again, lambda users: all(used_by.as_of is None for used_by in users.values()))
    finally:
        again.close()
    assert names(users) == {
        "users-db": {"user-analytics", "mailed", "nightly"},
        "analytics": {"user-analytics", "export"},
    }


def test_garbage_in_the_instance_is_no_answer() -> None:
    with DagsterInstance.ephemeral() as instance:
        reader = InstanceReader(instance)
        for text in ("", "no JSON", "[]", '{"a": 1}', '{"a": {"version": "1"}}'):
            reader.keep("acme/usage", text)
            assert UsageReader("http://127.0.0.1:9", reader).users() == {}


def test_a_webserver_that_is_none(tmp_path: Path) -> None:
    with running_api(tmp_path, "connectors: {}\n") as api, DagsterInstance.ephemeral() as instance:
        usage = UsageReader(api.url, InstanceReader(instance))
        usage.refresh()
        assert usage.users() == {}
