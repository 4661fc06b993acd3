"""What is registered while Dagster runs, as people deploy it: a code server, a webserver and a daemon."""

from __future__ import annotations

import os
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import requests
from dagster import DagsterInstance

from acme.client import Client
from acme_orchestration.dev.ports import free_port
from acme_orchestration.instance import InstanceReader
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.place import find_registry
from acme_sdk.health import HealthStatus

BIN = Path(sysconfig.get_path("scripts"))

T = TypeVar("T")

CONNECTORS_YAML = """
connectors:
  warehouse:
    type: duckdb
    role: destination
    check_interval_s: 5
    config: {path: %(folder)s/warehouse.duckdb}
"""
WORKSPACE_YAML = """
load_from:
  - grpc_server: {host: 127.0.0.1, port: %(code)d, location_name: acme}
"""


class Deployment:
    """The three processes, in a folder with ``connectors.yaml``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "dagster"
        self.home.mkdir()
        (self.home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        ports = {"code": free_port(), "ui": free_port(), "api": free_port()}
        (folder / "connectors.yaml").write_text(CONNECTORS_YAML % {"folder": folder})
        (folder / "workspace.yaml").write_text(WORKSPACE_YAML % ports)
        self.env = os.environ | {"DAGSTER_HOME": str(self.home)}
        self.url = f"http://127.0.0.1:{ports['ui']}/graphql"
        self.instance = DagsterInstance.from_config(str(self.home))
        module = ["-m", "acme_orchestration.definitions", "-a", "defs"]
        workspace = ["-w", "workspace.yaml"]
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._start("dagster", "code-server", "start", "-h", "127.0.0.1", "-p", str(ports["code"]), *module)
        self._start("dagster-webserver", "-h", "127.0.0.1", "-p", str(ports["ui"]), *workspace)
        self._start("dagster-daemon", "run", *workspace)
        self.api = f"http://127.0.0.1:{ports['api']}/api/v1"
        webserver = ["--dagster-url", f"http://127.0.0.1:{ports['ui']}"]
        self._start("acme", "api", "--port", str(ports["api"]), *webserver)

    def _start(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.log").open("wb") as log:
            self._processes[program] = subprocess.Popen(
                [BIN / program, *arguments],
                cwd=self.folder,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        for process in reversed(self._processes.values()):
            process.send_signal(signal.SIGINT)
        for process in self._processes.values():
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.instance.dispose()

    def acme(self, *arguments: str) -> str:
        done = subprocess.run(
            [BIN / "acme", *arguments],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def assets(self) -> set[str]:
        """The assets in the web UI."""
        try:
            answer = requests.post(
                self.url, json={"query": "{ assetNodes { assetKey { path } } }"}, timeout=30
            )
            nodes = answer.json()["data"]["assetNodes"]
        except (requests.ConnectionError, ValueError, TypeError, KeyError):
            return set()  # it is coming up, or takes over what was loaded
        return {"/".join(node["assetKey"]["path"]) for node in nodes}

    def status(self, name: str) -> HealthStatus | None:
        """The state of a connector as the API tells it."""
        workspace = read_workspace(self.folder / "connectors.yaml", find_registry(self.home))
        states = InstanceReader(self.instance).states(workspace.connectors.values())
        return states[name].status if name in states else None

    def wait(self, look: Callable[[], T], wanted: T, seconds: float = 240) -> None:
        until = time.monotonic() + seconds
        while (found := look()) != wanted:
            assert all(process.poll() is None for process in self._processes.values()), self.logs()
            assert time.monotonic() < until, f"{found} instead of {wanted}\n{self.logs()}"
            time.sleep(0.5)

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self.folder.glob("*.log"))


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    running = Deployment(tmp_path)
    try:
        yield running
    finally:
        running.stop()


@pytest.mark.timeout(900)
def test_what_is_registered_is_checked_and_shown_without_a_restart(deployment: Deployment) -> None:
    deployment.wait(deployment.assets, {"connectors/warehouse"})
    deployment.wait(lambda: deployment.status("warehouse"), HealthStatus.HEALTHY)

    path = f"path={deployment.folder}/late.duckdb"
    deployment.acme(
        "connectors", "add", "duckdb", "--name", "late-one", "--set", path, "--check-interval", "5"
    )
    deployment.wait(lambda: deployment.status("late-one"), HealthStatus.HEALTHY)
    deployment.wait(deployment.assets, {"connectors/warehouse", "connectors/late_one"})

    deployment.acme("connectors", "delete", "late-one", "--yes")
    deployment.wait(deployment.assets, {"connectors/warehouse"})
    # The daemon, too, goes on with what is loaded now.
    deployment.acme("connectors", "add", "duckdb", "--name", "third", "--set", path)
    deployment.wait(lambda: deployment.status("third"), HealthStatus.HEALTHY)

    # The same over HTTP, and its test as a run.
    fourth = {"name": "fourth", "type": "duckdb", "role": "destination", "config": {"path": "fourth.duckdb"}}
    made = requests.post(f"{deployment.api}/connectors", json=fourth, timeout=120)
    assert made.status_code == 201, made.text
    deployment.wait(lambda: deployment.status("fourth"), HealthStatus.HEALTHY)
    answers = []

    def tested() -> int:
        answers.append(requests.post(f"{deployment.api}/connectors/fourth/test?wait=60", timeout=120))
        return answers[-1].status_code

    deployment.wait(tested, 200)  # until the code is loaded again, Dagster knows no such job
    run = answers[-1].json()["data"]
    assert (run["job"], run["status"]) == ("test_fourth", "SUCCESS")
    assert run["check"]["status"] == "healthy"
    assert [(step["name"], step["result"]) for step in run["check"]["steps"]] == [("open", "passed")]
    assert answers[-1].headers["Location"] == f"/api/v1/runs/{run['id']}"
    assert {(one.status_code, one.json().get("code")) for one in answers[:-1]} <= {
        (503, "dagster.not_started"),
        (202, None),
    }
    with Client(deployment.api.removesuffix("/api/v1")) as client:
        launched = client.test_connector("fourth", wait=300)
        assert (launched.job, launched.status) == ("test_fourth", "SUCCESS")
        assert client.run(launched.id).ended_at is not None
        assert client.health("fourth").status == "healthy"
    unknown = requests.post(f"{deployment.api}/pipelines/nothing/run", timeout=120)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "pipeline.unknown")
    assert '"result": "started"' in deployment.acme("api", "audit", "--json")
