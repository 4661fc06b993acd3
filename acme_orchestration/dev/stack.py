"""The processes of ``acme dev``: an embedded Postgres, Dagster's webserver and daemon, the API."""

from __future__ import annotations

import os
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psycopg
import requests
from psycopg import sql

from acme_orchestration.dev.flights import load_flights
from acme_orchestration.dev.home import DevHome
from acme_orchestration.dev.ports import HOST, check_ports
from acme_orchestration.dev.processes import ChildProcess
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.entries import dagster_name
from acme_orchestration.registry.environment import VARIABLE, overlay_path
from acme_orchestration.registry.place import existing_registry
from acme_orchestration.webserver import RunProgress, Webserver
from acme_sdk.errors import ConfigurationError

__all__ = ["Ports", "Stack"]

_READY_TIMEOUT_S = 240
_POLL_S = 0.3


@dataclass(frozen=True)
class Ports:
    """The ports of the servers, all on 127.0.0.1."""

    ui: int
    api: int
    postgres: int


class Stack:
    """Starts things in order, and on leaving the ``with`` block stops those that run.

    Args:
        home: Where its data is.
        workspace: The folder with ``connectors.yaml`` and ``workspace.yaml``.
        ports: Where the servers listen.
        environment: Whose overlay of ``connectors.yaml`` counts; ``None`` for none.
    """

    #: What the API of this local profile may reach beside public addresses: this machine.
    egress_allow = "127.0.0.0/8"

    def __init__(self, home: DevHome, workspace: Path, ports: Ports, environment: str | None = None) -> None:
        self.home = home
        self.ports = ports
        self.environment = environment
        self.postgres = home.postgres(ports.postgres)
        self.webserver = Webserver(f"http://{HOST}:{ports.ui}")
        self.api_url = f"http://{HOST}:{ports.api}"
        self._workspace = workspace
        self._children: list[ChildProcess] = []
        self._cleanup = ExitStack()

    @property
    def connection(self) -> str:
        """The sample database's connection string, password included."""
        return self.postgres.connection_string("flights")

    def __enter__(self) -> Stack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def check(self) -> None:
        """Find out whether everything can start, before anything does.

        Raises:
            ConfigurationError: A file is missing, or a port is taken.
        """
        for name in ("connectors.yaml", "workspace.yaml"):
            if not (self._workspace / name).is_file():
                raise ConfigurationError(
                    f"there is no {name} in {self._workspace}",
                    code="file.missing",
                    hint="run acme dev in a workspace, e.g. in a clone of the project",
                )
        if self.environment is not None:
            overlay_path(self._workspace / "connectors.yaml", self.environment)
        self.postgres.stop()  # left over when an earlier acme dev was killed
        check_ports(
            {
                "--ui-port": self.ports.ui,
                "--api-port": self.ports.api,
                "--postgres-port": self.ports.postgres,
            }
        )

    def start_postgres(self) -> None:
        """Start Postgres and make the databases that are missing.

        Raises:
            FatalError: It did not start.
        """
        self._cleanup.callback(self.postgres.stop)
        self.postgres.start()
        with psycopg.connect(self.postgres.connection_string("postgres"), autocommit=True) as connection:
            for name in ("flights", "exports"):
                if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def load_sample(self) -> Iterator[tuple[str, int]]:
        """Load the sample data that is not there yet: each new table and its rows."""
        return load_flights(self.connection)

    def start_services(self) -> None:
        """Start Dagster and the API."""
        self.home.prepare()
        bin_folder = Path(sysconfig.get_path("scripts"))
        env = os.environ | self._settings()
        ui, api = str(self.ports.ui), str(self.ports.api)
        self._start(
            "Dagster",
            [str(bin_folder / "dagster"), "dev", "-w", "workspace.yaml", "-h", HOST, "-p", ui],
            env,
        )
        self._start(
            "API",
            [str(bin_folder / "acme"), "api", "--port", api, "--workers", "1", "--log-format", "text"],
            env,
        )

    def wait_until_ready(self) -> None:
        """Wait until the web UI and the API answer.

        Raises:
            FatalError: One ended, does not answer in time, or a code location cannot be loaded.
        """
        deadline = time.monotonic() + _READY_TIMEOUT_S
        for child, is_ready in zip(
            self._children, (self.webserver.is_ready, self._api_is_ready), strict=True
        ):
            while not is_ready():
                self.check_children()
                if time.monotonic() > deadline:
                    raise child.failure(f"does not answer after {_READY_TIMEOUT_S} seconds")
                time.sleep(_POLL_S)

    def first_runs(self) -> Iterator[tuple[str, str, RunProgress]]:
        """Run each pipeline that has never succeeded, one after the other.

        Yields:
            Pipeline, run id and how far the run is, again and again until it has ended.
        """
        workspace = read_workspace(
            self._workspace / "connectors.yaml", existing_registry(self.home.dagster), self.environment
        )
        for pipeline in workspace.pipelines.values():
            job = dagster_name(pipeline.name)
            if pipeline.fault is not None or self.webserver.has_succeeded(job):
                continue
            run_id = self.webserver.launch(job)
            state = self.webserver.run(run_id)
            while not state.is_finished:
                yield pipeline.name, run_id, state
                self.check_children()
                time.sleep(_POLL_S)
                state = self.webserver.run(run_id)
            yield pipeline.name, run_id, state

    def watch(self) -> None:
        """Return never; Postgres may be stopped and started meanwhile, to see what that does.

        Raises:
            FatalError: Dagster or the API ended.
        """
        while True:
            self.check_children()
            time.sleep(_POLL_S)

    def check_children(self) -> None:
        """Raise if Dagster or the API has ended.

        Raises:
            FatalError: Names it, with the last lines of its log.
        """
        for child in self._children:
            child.check()

    def _start(self, name: str, command: list[str], env: Mapping[str, str]) -> None:
        child = ChildProcess(name, command, env, self._workspace, self.home.logs / f"{name.lower()}.log")
        self._cleanup.callback(child.stop)
        self._children.append(child)

    def _settings(self) -> dict[str, str]:
        return {
            "ACME_EGRESS_ALLOW": self.egress_allow,
            "ACME_WEBSERVER_URL": self.webserver.url,
            VARIABLE: self.environment or "",
            "ANALYTICS_PATH": str(self.home.analytics),
            "DAGSTER_HOME": str(self.home.dagster),
            "USERS_DB_PASSWORD": self.home.password(),
            "USERS_DB_PORT": str(self.ports.postgres),
        }

    def _api_is_ready(self) -> bool:
        try:
            # It may ask for a key.
            return requests.get(f"{self.api_url}/api/v1/connectors", timeout=5).status_code in (200, 401)
        except requests.RequestException:
            return False
