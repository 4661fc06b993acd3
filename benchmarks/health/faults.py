"""What happens to the states when the daemon is killed, its database stops, or the clock moves."""

from __future__ import annotations

import itertools
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from acme_orchestration.dev.postgres import PostgresServer
from acme_orchestration.instance import InstanceReader
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.health import HealthStatus
from benchmarks.health.daemon import Daemon
from benchmarks.health.server import Server
from benchmarks.health.storage import postgres_home
from benchmarks.health.workspace import MIXED, make_workspace

__all__ = ["with_faults"]

#: One interval and a half.
_RIGHT_WITHIN_S = 90.0

_EXPECTED = {
    "ok": HealthStatus.HEALTHY,
    "hang": HealthStatus.UNHEALTHY,
    "fail": HealthStatus.UNHEALTHY,
    "secretless": HealthStatus.UNHEALTHY,
}


def with_faults(folder: Path, count: int) -> str:
    """Do it, on Postgres, and return a table of how long it took until all states were right again."""
    place = folder / "faults"
    shutil.rmtree(place, ignore_errors=True)
    database = PostgresServer(folder / "faults-postgres", secrets.token_hex(8), settings={"fsync": "off"})
    shutil.rmtree(database.data, ignore_errors=True)
    database.start()
    try:
        with Server() as server:
            workspace = make_workspace(place, server.port, count, MIXED)
            home = postgres_home(place / "dagster", database)
            with Daemon(place, home, place / "daemon.log") as daemon:
                return _Faults(daemon, database, workspace).table()
    finally:
        database.stop()


class _Faults:
    def __init__(self, daemon: Daemon, database: PostgresServer, workspace: Workspace) -> None:
        self._daemon = daemon
        self._database = database
        self._workspace = workspace
        self._reader = InstanceReader(daemon.instance)

    def table(self) -> str:
        self._until_right(600)
        faults: Mapping[str, Callable[[], None]] = {
            "the daemon killed (SIGKILL) in a tick, started again": self._kill,
            "its database stopped for a minute": self._stop_database,
            "the clock moved by an hour back": lambda: self._move(timedelta(hours=1)),
            "the clock moved by an hour ahead": lambda: self._move(-timedelta(hours=1)),
        }
        lines = ["| fault | all states right after | bar | stored twice |", "|---|---|---|---|"]
        for name, fault in faults.items():
            began = datetime.now(UTC)
            fault()
            took = self._until_right(600, since=datetime.now(UTC))
            kept = "kept" if took <= _RIGHT_WITHIN_S else "**missed**"
            bar = f"{_RIGHT_WITHIN_S:.0f} s: {kept}"
            lines.append(f"| {name} | {took:.0f} s | {bar} | {self._doubles(began)} |")
        return "\n".join(lines) + "\n"

    def _kill(self) -> None:
        while not self._daemon.is_in_tick():
            time.sleep(0.1)
        self._daemon.kill()
        self._daemon.start()

    def _stop_database(self) -> None:
        self._database.stop()
        time.sleep(60)
        self._database.start()
        if self._daemon.has_ended():  # as whatever supervises it would
            self._daemon.start()

    def _move(self, by: timedelta) -> None:
        """Move what the health sensor remembers, which is the same as moving the clock the other way."""
        while self._daemon.is_in_tick():
            time.sleep(0.1)
        self._daemon.move_cursor(by)

    def _until_right(self, seconds: float, since: datetime | None = None) -> float:
        """Wait until all states are right and checked since a time; return how long it took."""
        started = time.monotonic()
        while True:
            wrong = self._wrong(since)
            took = time.monotonic() - started
            if not wrong:
                return took
            if took > seconds:
                raise SystemExit(f"after {took:.0f} s still wrong: {wrong[:5]} and {len(wrong)} in all")
            time.sleep(1)

    def _wrong(self, since: datetime | None) -> list[str]:
        try:
            states = self._reader.states(self._workspace.connectors.values())
        except Exception as error:  # noqa: BLE001 - the database may not be back
            return [str(error)]
        return [
            name
            for name, state in states.items()
            if state.status is not _EXPECTED[name.partition("_")[0]]
            or state.last_check is None
            or (since is not None and not since <= state.last_check <= datetime.now(UTC))
        ]

    def _doubles(self, began: datetime) -> int:
        """Return how many checks were stored since a time for a state that was stored already."""
        doubles = 0
        for name in self._workspace.connectors:
            history = [r for r in self._reader.history(name, limit=10) if r.at >= began]
            doubles += sum(
                1
                for newer, older in itertools.pairwise(history)
                if (newer.report.status, newer.since) == (older.report.status, older.since)
            )
        return doubles
