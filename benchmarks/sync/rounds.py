"""Doing the works: each entry in turn, round after round, what it made verified each time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.sync import orders
from benchmarks.sync.contestants import REMEMBERING, Contestants
from benchmarks.sync.measure import Measurement, measure
from benchmarks.sync.server import Server
from benchmarks.sync.works import Entry, Size, Work

__all__ = ["Rounds"]

_TIMEOUT_S = 1800
_SETTLE_S = 0.3


class _FailedRunError(Exception):
    """A run that does not count, and why."""


class Rounds:
    """Runs works against a server.

    Args:
        server: The server.
        contestants: Who can be called.
        folder: An empty folder, for what is written.
        rows: How many rows a full source has.
    """

    def __init__(self, server: Server, contestants: Contestants, folder: Path, rows: int) -> None:
        self._server = server
        self._contestants = contestants
        self._folder = folder / "run"
        self._states = folder / "states"
        self._rows = rows
        self._made: dict[str, orders.Contents] = {}
        self._filled: set[str] = set()

    def run(self, work: Work, entries: list[Entry], rounds: int) -> list[dict[str, Any]]:
        """Do a work so often, the entries in turn, and return a record of each run."""
        records = []
        for number in range(min(rounds, work.most_rounds or rounds)):
            for entry in entries:
                record = {"work": work.key, "label": entry.label, "round": number, "load": os.getloadavg()[0]}
                try:
                    record |= self._once(work, entry)
                    said = f"{record['wall_s']:.2f} s, {record['peak_mb']:.0f} MB"
                except _FailedRunError as error:
                    record["fault"] = str(error)
                    said = f"FAILED: {error}"
                records.append(record)
                print(f"{work.key} {number + 1} {entry.label}: {said}", file=sys.stderr, flush=True)
        return records

    def _once(self, work: Work, entry: Entry) -> dict[str, Any]:
        """Run an entry once on a fresh target, verify what it made, and return the figures.

        Raises:
            _FailedRunError: It failed, or what it made is not what the source has.
        """
        source, expected = self._source(work, entry.size)
        self._clear()
        if work.mode == "upsert":
            self._fill(work, entry)
            self._server.create("target", template=_filled(entry))
            shutil.copytree(self._saved(entry), self._folder / "state", dirs_exist_ok=True)
        else:
            self._server.create("target")
        measured = self._measure(work, entry, work.mode, source)
        self._verify(work, measured, expected)
        reported = _reported(measured)
        size = entry.size.rows(self._rows)
        return {
            "size": size,
            "rows": size // 10 if work.mode == "upsert" else size,
            "wall_s": round(reported.pop("seconds", measured.wall_s), 4),
            "cpu_s": round(measured.cpu_s, 3),
            "server_cpu_s": round(measured.server_cpu_s, 3),
            "peak_mb": round(measured.peak_mb, 1),
            **reported,
        }

    def _measure(self, work: Work, entry: Entry, mode: str, source: str) -> Measurement:
        self._server.run("postgres", "CHECKPOINT")
        time.sleep(_SETTLE_S)
        command = self._contestants.command(entry.contestant, work, mode)
        environment = self._environment(work, entry, source)
        return measure(command, environment, self._folder, self._server, _TIMEOUT_S)

    def _environment(self, work: Work, entry: Entry, source: str) -> dict[str, str]:
        """Return all variables of a run: nothing of the caller's gets in."""
        targets = {
            "postgres": self._server.url("target"),
            "duckdb": str(self._folder / "orders.duckdb"),
            "parquet": str(self._folder / "lake"),
        }
        return {
            "PATH": f"{self._server.programs}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._folder / "home"),
            "LANG": "C.UTF-8",
            "BENCH_SOURCE": self._server.url(source),
            "BENCH_TARGET": targets[work.target],
            "BENCH_STATE": str(self._folder / "state"),
            "BENCH_ROWS": str(entry.size.rows(self._rows)),
            "BENCH_SINCE": orders.CHANGED_SINCE,
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "SLING_DISABLE_TELEMETRY": "true",
            "SLING_HOME_DIR": str(self._folder / "state"),
        }

    def _verify(self, work: Work, measured: Measurement, expected: orders.Contents) -> None:
        """Hold what a run made against what it should have made."""
        if measured.exit_code != 0:
            errors = (self._folder / "errors.log").read_text(errors="replace").strip()
            raise _FailedRunError(f"exit code {measured.exit_code}: {errors[-500:]}")
        try:
            found = self._found(work)
        except subprocess.CalledProcessError as error:
            raise _FailedRunError(f"the target cannot be read: {error.stderr.strip()[-500:]}") from error
        except (psycopg.Error, ValueError) as error:
            raise _FailedRunError(f"the target cannot be read: {error}") from error
        if found != expected:
            raise _FailedRunError(f"there is {found}, and not {expected}")

    def _found(self, work: Work) -> orders.Contents:
        python = self._contestants.environments["acme"].python
        match work.target:
            case "postgres":
                return orders.in_postgres(self._server, "target")
            case "duckdb":
                return orders.in_duckdb(self._folder / "orders.duckdb", python)
            case "parquet":
                return orders.in_parquet(self._folder / "lake", python)

    def _source(self, work: Work, size: Size) -> tuple[str, orders.Contents]:
        """Return the database that is read, made when first asked for, and what the target is to hold."""
        rows = size.rows(self._rows)
        name = f"orders_{size.value}"
        if work.rows_source:
            return "postgres", self._contents(f"rows_{size.value}", lambda _: orders.of_rows(rows))
        made = self._contents(name, lambda name: self._counted(name, rows))
        if work.mode == "overwrite":
            return name, made
        return "orders_changed", self._contents(
            "orders_changed", lambda changed: self._changed(changed, name)
        )

    def _contents(self, name: str, make: Callable[[str], orders.Contents]) -> orders.Contents:
        if name not in self._made:
            print(f"making {name}", file=sys.stderr, flush=True)
            self._made[name] = make(name)
        return self._made[name]

    def _counted(self, database: str, rows: int) -> orders.Contents:
        orders.make(self._server, database, rows)
        return orders.in_postgres(self._server, database)

    def _changed(self, database: str, original: str) -> orders.Contents:
        orders.make_changed(self._server, database, original)
        return orders.in_postgres(self._server, database)

    def _fill(self, work: Work, entry: Entry) -> None:
        """Make the database that an entry's upserts begin with: its first load, and the state it stored."""
        if _filled(entry) in self._filled:
            return
        remembers = entry.contestant in REMEMBERING
        self._server.create("target")
        source = f"orders_{entry.size.value}"
        measured = self._measure(work, entry, "upsert" if remembers else "overwrite", source)
        self._verify(work, measured, self._made[source])
        if not remembers:
            self._server.run("target", "ALTER TABLE orders ADD PRIMARY KEY (id)")
        self._server.run("target", "VACUUM ANALYZE")
        self._server.create(_filled(entry), template="target")
        shutil.copytree(self._folder / "state", self._saved(entry))
        self._filled.add(_filled(entry))

    def _saved(self, entry: Entry) -> Path:
        """Return the folder of the state that an entry stored with its first load."""
        return self._states / entry.contestant

    def _clear(self) -> None:
        """Begin with empty folders."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for name in ("home", "state"):
            (self._folder / name).mkdir(parents=True)


def _filled(entry: Entry) -> str:
    return f"filled_{entry.contestant}"


def _reported(measured: Measurement) -> dict[str, float]:
    """Return the figures that a program took itself: the last line of its output, as a JSON object."""
    last = measured.output.strip().rpartition("\n")[2]
    figures: dict[str, float] = json.loads(last) if last.startswith("{") else {}
    return figures
