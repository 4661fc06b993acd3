"""The whole of it in Dagster's own processes: the daemon ticks the sensor and runs what is launched."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sysconfig
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import duckdb
import pytest
from dagster import DagsterInstance, DagsterRunStatus

from acme_orchestration.instance import ConnectorState, InstanceReader
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.health import HealthStatus
from tests.servers import DatabaseServer
from tests.stored import everything_in

BIN = Path(sysconfig.get_path("scripts"))

T = TypeVar("T")

WORKSPACE_YAML = """
load_from:
  - python_module: {module_name: acme_orchestration.definitions, attribute: defs, location_name: acme}
"""
CONNECTORS_YAML = """
connectors:
  users_db:
    type: postgres
    role: source
    check_interval_s: 5
    check_timeout_s: 15
    config: {host: 127.0.0.1, port: %(port)d, database: %(database)s, user: postgres, password: {env: CANARY}}
  secretless:
    type: postgres
    role: source
    check_interval_s: 5
    config: {host: 127.0.0.1, port: %(port)d, database: x, user: postgres, password: {env: NOT_SET_ANYWHERE}}
  analytics:
    type: duckdb
    role: destination
    check_interval_s: 5
    config: {path: %(path)s}
pipelines:
  user-analytics:
    source: users_db
    destination: analytics
    streams:
      - {stream: users, write_mode: upsert, primary_key: [id]}
      - orders
"""


class RunningDaemon:
    """A Dagster home, and the daemon that works in it."""

    def __init__(self, folder: Path, server: DatabaseServer) -> None:
        self.home = folder / "dagster"
        self.home.mkdir()
        (self.home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        self.log = folder / "daemon.log"
        self.duckdb = folder / "analytics.duckdb"
        self._folder = folder
        database = server.create_database()
        server.execute(
            database,
            "CREATE TABLE users (id int PRIMARY KEY, name text)",
            "INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 1000) n",
            "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12,2))",
            "INSERT INTO orders SELECT n, n / 7.0 FROM generate_series(1, 2000) n",
        )
        values = {"port": server.port, "database": database, "path": self.duckdb}
        (folder / "workspace.yaml").write_text(WORKSPACE_YAML)
        (folder / "connectors.yaml").write_text(textwrap.dedent(CONNECTORS_YAML) % values)
        self.workspace: Workspace = read_workspace(folder / "connectors.yaml")
        self._env = os.environ | {"DAGSTER_HOME": str(self.home), "CANARY": server.password}
        self.instance = DagsterInstance.from_config(str(self.home))
        self.reader = InstanceReader(self.instance)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [BIN / "dagster-daemon", "run", "-w", "workspace.yaml"],
                cwd=folder,
                env=self._env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self.instance.dispose()

    def state(self, name: str) -> ConnectorState:
        return self.reader.states(self.workspace.connectors.values())[name]

    def wait_for(self, name: str, status: HealthStatus, seconds: float = 240) -> ConnectorState:
        return self._wait(
            lambda: state if (state := self.state(name)).status is status else None,
            seconds,
            lambda: f"{name} is {self.state(name)}",
        )

    def run(self, *jobs: str) -> dict[str, DagsterRunStatus]:
        """Launch jobs as the web UI does, and return how they ended."""
        known = {run.run_id for run in self.instance.get_runs()}
        launches = [
            subprocess.Popen(
                [BIN / "dagster", "job", "launch", "-w", "workspace.yaml", "-l", "acme", "-j", job],
                cwd=self._folder,
                env=self._env,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for job in jobs
        ]
        assert [launch.wait(240) for launch in launches] == [0 for _ in jobs]

        def ended() -> dict[str, DagsterRunStatus] | None:
            runs = [run for run in self.instance.get_runs() if run.run_id not in known]
            return (
                {run.job_name: run.status for run in runs} if all(run.is_finished for run in runs) else None
            )

        return self._wait(ended, 240, lambda: f"{jobs} do not end")

    def _wait(self, look: Callable[[], T | None], seconds: float, why: Callable[[], str]) -> T:
        until = time.monotonic() + seconds
        while (found := look()) is None:
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, f"{why()}\n{self.log.read_text()[-3000:]}"
            time.sleep(0.5)
        return found


@pytest.fixture
def daemon(tmp_path: Path, postgres: DatabaseServer) -> Iterator[RunningDaemon]:
    running = RunningDaemon(tmp_path, postgres)
    try:
        yield running
    finally:
        running.stop()


@pytest.mark.timeout(1500)
def test_from_the_daemons_tick_to_the_state(daemon: RunningDaemon, postgres: DatabaseServer) -> None:
    healthy = daemon.wait_for("users_db", HealthStatus.HEALTHY)
    assert healthy.report is not None
    assert (healthy.report.server_version or "").startswith("PostgreSQL")
    daemon.wait_for("analytics", HealthStatus.HEALTHY)
    secretless = daemon.wait_for("secretless", HealthStatus.UNHEALTHY)
    assert secretless.report is not None
    assert secretless.report.code == "secret.missing"

    postgres.stop()
    try:
        unhealthy = daemon.wait_for("users_db", HealthStatus.UNHEALTHY)
        assert unhealthy.report is not None
        assert unhealthy.report.code == "connect.refused"
        assert set(daemon.run("test_users_db", "user_analytics").values()) == {DagsterRunStatus.FAILURE}
    finally:
        postgres.start()
    again = daemon.wait_for("users_db", HealthStatus.HEALTHY)
    assert again.since is not None
    assert unhealthy.since is not None
    assert again.since > unhealthy.since
    assert daemon.run("test_users_db", "user_analytics") == {
        "test_users_db": DagsterRunStatus.SUCCESS,
        "user_analytics": DagsterRunStatus.SUCCESS,
    }
    with duckdb.connect(daemon.duckdb, read_only=True) as database:
        assert database.sql("SELECT count(*), max(name) FROM users").fetchone() == (1000, "user 999")
        assert database.sql("SELECT count(*), max(total)::text FROM orders").fetchone() == (2000, "285.71")

    kept = everything_in(daemon.home) + daemon.log.read_bytes()
    assert b"CANARY" in kept  # the reference, in the snapshots of the jobs: this is where to look
    assert postgres.password.encode() not in kept
    assert base64.b64encode(postgres.password.encode()) not in kept
