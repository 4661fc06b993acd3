"""Measures health checks in Dagster's own daemon: ``python -m benchmarks.health``.

The growth curve for some numbers of connectors; with ``--soak`` a long run of 1,000 of which many misbehave;
with ``--faults`` what happens when the daemon is killed, its database stops, or the clock moves.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa
from dagster import DagsterInstance
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

from acme_orchestration.sensors.health import HEARTBEAT
from benchmarks.health import report
from benchmarks.health.daemon import Daemon
from benchmarks.health.faults import with_faults
from benchmarks.health.server import Server
from benchmarks.health.storage import sqlite_home
from benchmarks.health.workspace import CALM, MIXED, make_workspace

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / ".acme" / "bench-health"
PAGE = REPOSITORY / "docs" / "health-benchmarks.md"
MARK = "<!-- the tables -->"


def main() -> None:
    """Measure, print the tables and, if wanted, write the page."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the daemon is stopped, too
    FOLDER.mkdir(parents=True, exist_ok=True)
    if options.soak:
        _keep("soak", [_soak(options.connectors[0], options.soak)])
    elif options.faults:
        print(with_faults(FOLDER, options.connectors[0]))
        return
    else:
        for count in options.connectors:
            _keep("growth", [_growth(count, options.minutes).to_record()])
    print(_text())
    if options.write:
        PAGE.write_text(f"{PAGE.read_text().partition(MARK)[0]}{MARK}\n\n{_text()}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.health", description=__doc__)
    parser.add_argument(
        "--connectors",
        type=lambda text: [int(part) for part in text.split(",")],
        metavar="N,N",
        help="how many connectors (100,1000,5000; with --soak or --faults 1000)",
    )
    parser.add_argument("--minutes", type=float, default=4, help="how long each number is measured (4)")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="50 hang, 50 fail, 10 have no secret")
    parser.add_argument(
        "--faults", action="store_true", help="kill the daemon, stop its database, move the clock"
    )
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(REPOSITORY)}")
    options = parser.parse_args()
    if options.connectors is None:
        options.connectors = [1000] if options.soak or options.faults else [100, 1000, 5000]
    return options


def _growth(count: int, minutes: float) -> report.Figures:
    with Server() as server, _running(server, count, soak=False) as (daemon, load_s):
        _wait(daemon, minutes)
        usage, ticks = daemon.usage(), daemon.ticks()
        events = _events(daemon.instance)
        durations = [tick.end_timestamp - tick.timestamp for tick in ticks if tick.end_timestamp]
        busy = [seconds for seconds in durations[1:] if seconds > 1] or durations[-1:]
        return report.Figures(
            connectors=count,
            minutes=minutes,
            load_s=load_s,
            tick_s=(median(busy), max(busy)),
            first_tick_s=durations[0],
            checks_per_minute=_asked_in_the_last_minute(server),
            gap_s=max(_gaps(server, "ok")),
            first_events=min(events, count),
            later_events=max(events - count, 0),
            events_per_day=86_400 / HEARTBEAT.total_seconds(),
            cursor_kb=len(daemon.cursor()) / 1024,
            daemon_mb=usage.daemon_mb,
            code_server_mb=usage.code_server_mb,
        )


def _soak(count: int, minutes: float) -> dict[str, Any]:
    with Server() as server, _running(server, count, soak=True) as (daemon, _):
        _wait(daemon, min(2.5, minutes / 2))
        before = asdict(daemon.usage()) | {"connections": server.open}
        _wait(daemon, minutes - min(2.5, minutes / 2))
        after = asdict(daemon.usage()) | {"connections": server.open}
        return {
            "connectors": count,
            "minutes": minutes,
            "before": before,
            "after": after,
            "gaps": _gaps(server, "ok"),
            "gaps_hanging": _gaps(server, "hang"),
            "longest_tick_s": max(
                (t.end_timestamp - t.timestamp for t in daemon.ticks() if t.end_timestamp), default=0.0
            ),
            "later_events": _events(daemon.instance) - count,
        }


@contextmanager
def _running(server: Server, count: int, soak: bool) -> Iterator[tuple[Daemon, float]]:
    """Run a daemon on a new workspace; yields it and how long the location took to load before."""
    place = FOLDER / f"{'soak' if soak else 'growth'}-{count}"
    shutil.rmtree(place, ignore_errors=True)
    make_workspace(place, server.port, count, MIXED if soak else CALM)
    home = sqlite_home(place / "dagster")
    load_s = _load_time(place, home)
    with Daemon(place, home, place / "daemon.log") as daemon:
        yield daemon, load_s


def _load_time(folder: Path, home: Path) -> float:
    """Return the seconds from the start of a code server until a host process has all that it holds."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with DagsterInstance.from_config(str(home)) as instance:
            started = time.monotonic()
            target = WorkspaceFileTarget(paths=[str(folder / "workspace.yaml")])
            with WorkspaceProcessContext(instance, target) as context:
                [location] = context.create_request_context().code_locations
                assert list(location.get_repositories().values())
                return time.monotonic() - started
    finally:
        os.chdir(before)


def _wait(daemon: Daemon, minutes: float) -> None:
    until = time.monotonic() + 60 * minutes
    while time.monotonic() < until:
        if daemon.has_ended():
            raise SystemExit("the daemon has ended: see its log")
        time.sleep(1)


def _events(instance: DagsterInstance) -> int:
    """Return how many health checks are stored."""
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined] # of SQL
        count = sa.select(sa.func.count()).select_from(AssetCheckExecutionsTable)
        return int(connection.execute(count).scalar() or 0)


def _gaps(server: Server, order: str) -> list[float]:
    """Return the seconds between two checks of one connector, of all that do the same."""
    return [
        later - earlier
        for name, asked in server.asked.items()
        if name.startswith(order)
        for earlier, later in itertools.pairwise(asked)
    ]


def _asked_in_the_last_minute(server: Server) -> int:
    last = max(at for asked in server.asked.values() for at in asked)
    return sum(at > last - 60 for asked in server.asked.values() for at in asked)


def _keep(kind: str, records: list[dict[str, Any]]) -> None:
    with (FOLDER / "results.jsonl").open("a") as file:
        file.writelines(json.dumps({"kind": kind, **record}) + "\n" for record in records)


def _text() -> str:
    """Return the tables of the last run of each kind and number."""
    with (FOLDER / "results.jsonl").open() as file:
        records = list(map(json.loads, file))
    growth = {record["connectors"]: record for record in records if record["kind"] == "growth"}
    soaks = [record for record in records if record["kind"] == "soak"]
    parts = [report.table(growth.values())] if growth else []
    if soaks:
        parts.append(report.soak_table(soaks[-1]))
    return "\n".join([*parts, report.machine()]) + "\n"


if __name__ == "__main__":
    main()
