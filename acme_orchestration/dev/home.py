"""The folder that holds all that ``acme dev`` keeps: databases, logs, Dagster's history, one password."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from acme_orchestration.dev.postgres import PostgresServer
from acme_sdk.errors import ConfigurationError

__all__ = ["DevHome"]

_DAGSTER_YAML = """\
# Made by `acme dev`; yours to change.
telemetry: {enabled: false}
nux: {enabled: false}
concurrency:
  runs: {max_concurrent_runs: 2}
"""


@dataclass(frozen=True)
class DevHome:
    """Where things are below one folder.

    Attributes:
        path: The folder, absolute.
    """

    path: Path

    @property
    def dagster(self) -> Path:
        """Dagster's home: runs, events, schedules."""
        return self.path / "dagster"

    @property
    def analytics(self) -> Path:
        """The DuckDB file that the sample pipelines write."""
        return self.path / "analytics.duckdb"

    @property
    def logs(self) -> Path:
        """The logs of the processes."""
        return self.path / "logs"

    def postgres(self, port: int) -> PostgresServer:
        """The embedded Postgres of this folder, running or not."""
        return PostgresServer(self.path / "postgres", self.password(), port)

    def password(self) -> str:
        """Return the database password, which is made up when it is first asked for."""
        file = self.path / "password"
        try:
            return file.read_text()
        except FileNotFoundError:
            password = secrets.token_hex(16)
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:  # noqa: PTH123 - a descriptor
                new.write(password)
            return password

    def prepare(self) -> None:
        """Make the folders and Dagster's settings, where there are none yet."""
        for folder in (self.dagster, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        settings = self.dagster / "dagster.yaml"
        if not settings.exists():
            self._make_dagster_tables()
            settings.write_text(_DAGSTER_YAML)

    def _make_dagster_tables(self) -> None:
        """Make Dagster's databases, which breaks when the processes that open them do it at the same time."""
        from dagster import DagsterInstance

        with DagsterInstance.from_config(str(self.dagster)):
            pass

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for this process alone.

        Raises:
            ConfigurationError: Another ``acme dev`` holds it (code ``dev.running``).
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError(
                    f"another acme dev runs in {self.path}",
                    code="dev.running",
                    hint="stop it, or use another folder with --home",
                ) from None
            yield
