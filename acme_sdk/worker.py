"""The worker process behind `acme_sdk.probe`; run as ``python -m acme_sdk.worker``.

Reads one JSON document from standard input and writes one JSON document a line: an event when a probe
begins, and one with its answer. Whatever a connector prints goes nowhere: it could hold a secret, or look
like an answer.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from acme_sdk.config import validate_config
from acme_sdk.connector import Connector
from acme_sdk.health import HealthReport, HealthStatus, check_health
from acme_sdk.lifecycle import open_connector
from acme_sdk.plugins import connector_class
from acme_sdk.secrets import Redactor

__all__ = ["main"]

# What a connector's module may take to be imported on a busy machine, beyond the probe's own time.
_IMPORT_S = 10.0


def main() -> None:
    """Answer the probes on standard input, then end the process, whatever still hangs in it."""
    answers = os.fdopen(os.dup(1), "w")
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    job = json.load(sys.stdin)
    _Probes(answers, job["concurrency"], job["timeout"]).run(job["probes"])
    # Not sys.exit(), which would wait for the threads that hang.
    os._exit(0)


class _Probes:
    """The probes that run side by side: one that overstays its time no longer counts, and is left behind."""

    def __init__(self, answers: IO[str], concurrency: int, timeout: float) -> None:
        self._answers = answers
        self._concurrency = max(1, concurrency)
        self._timeout = timeout
        self._deadlines: dict[str, float] = {}
        self._changed = threading.Condition()

    def run(self, probes: list[dict[str, Any]]) -> None:
        """Ask all; return when each has answered or had its time."""
        for probe in probes:
            self._wait_until_fewer_than(self._concurrency)
            with self._changed:
                self._deadlines[probe["name"]] = time.monotonic() + _IMPORT_S
                self._write({"event": "begin", "name": probe["name"]})
            threading.Thread(target=self._answer, args=(probe,), daemon=True).start()
        self._wait_until_fewer_than(1)

    def _answer(self, probe: dict[str, Any]) -> None:
        try:
            folder = Path(probe["folder"]) if probe["folder"] else None
            kind = connector_class(probe["type"], probe["role"], folder)
        except BaseException as error:  # noqa: BLE001 - whatever a module does when it is imported
            answer = _failed(error, Redactor(()))
        else:
            self._begin_anew(probe["name"])
            answer = _ask(kind, probe)
        with self._changed:
            # Nobody listens any more to one that had been given up.
            if self._deadlines.pop(probe["name"], None) is not None:
                self._write({"event": "answer", "name": probe["name"], **answer})
                self._changed.notify()

    def _begin_anew(self, name: str) -> None:
        """Give a probe its time: how long the import took says nothing about what is asked."""
        with self._changed:
            if name in self._deadlines:
                self._deadlines[name] = time.monotonic() + self._timeout
                self._changed.notify()

    def _wait_until_fewer_than(self, count: int) -> None:
        with self._changed:
            while self._give_up_overdue() >= count:
                self._changed.wait(max(0.0, min(self._deadlines.values()) - time.monotonic()))

    def _give_up_overdue(self) -> int:
        """Report the probes whose time is over; return how many still have some."""
        now = time.monotonic()
        for name in [name for name, deadline in self._deadlines.items() if deadline <= now]:
            del self._deadlines[name]
            self._write({"event": "timeout", "name": name})
        return len(self._deadlines)

    def _write(self, event: dict[str, Any]) -> None:
        self._answers.write(json.dumps(event, default=str) + "\n")
        self._answers.flush()


def _ask(kind: type[Connector], probe: dict[str, Any]) -> dict[str, Any]:
    """Run one probe; whatever it raises becomes its report, with the configuration's secrets removed."""
    redactor = Redactor(())
    connection: dict[str, Any] = {}
    try:
        config = validate_config(kind.config_schema(), probe["config"], connector=probe["name"])
        redactor = config.redactor
        with open_connector(kind, config, name=probe["name"]) as connector:
            if probe["action"] == "test":
                found = connector.test_connection()
                connection = asdict(found)
                report = HealthReport(
                    HealthStatus.HEALTHY, latency_ms=found.latency_ms, server_version=found.server_version
                )
            else:
                report = check_health(connector)
    except BaseException as error:  # noqa: BLE001 - a connector that calls sys.exit() has failed, too
        return _failed(error, redactor)
    return {"report": redactor.redact_json(asdict(report)), "connection": redactor.redact_json(connection)}


def _failed(error: BaseException, redactor: Redactor) -> dict[str, Any]:
    return {"report": redactor.redact_json(asdict(HealthReport.from_error(error))), "connection": {}}


if __name__ == "__main__":
    main()
