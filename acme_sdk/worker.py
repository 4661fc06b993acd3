"""The worker process behind `acme_sdk.probe`; run as ``python -m acme_sdk.worker``.

Reads one JSON document from standard input and writes one JSON document a line: an event when a probe begins,
and one with its answer. Whatever a connector prints goes nowhere: it could hold a secret, or look like an answer.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from acme_sdk.config import validate_config
from acme_sdk.health import HealthReport, HealthStatus, check_health
from acme_sdk.lifecycle import open_connector
from acme_sdk.plugins import connector_class
from acme_sdk.secrets import Redactor

__all__ = ["main"]


def main() -> None:
    """Answer the probes on standard input, then end the process."""
    answers = os.fdopen(os.dup(1), "w")
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        job = json.load(sys.stdin)
        lock = threading.Lock()
        with ThreadPoolExecutor(max_workers=max(1, min(job["concurrency"], len(job["probes"])))) as pool:
            for probe in job["probes"]:
                pool.submit(_answer, probe, answers, lock)


def _answer(probe: dict[str, Any], answers: IO[str], lock: threading.Lock) -> None:
    _write(answers, lock, {"event": "begin", "name": probe["name"]})
    _write(answers, lock, {"event": "answer", "name": probe["name"], **_ask(probe)})


def _write(answers: IO[str], lock: threading.Lock, event: dict[str, Any]) -> None:
    with lock:
        answers.write(json.dumps(event, default=str) + "\n")
        answers.flush()


def _ask(probe: dict[str, Any]) -> dict[str, Any]:
    """Run one probe; whatever it raises becomes its report, with the configuration's secrets removed."""
    redactor = Redactor(())
    connection: dict[str, Any] = {}
    try:
        folder = Path(probe["folder"]) if probe["folder"] else None
        kind = connector_class(probe["type"], probe["role"], folder)
        redactor = validate_config(kind.config_schema(), probe["config"], connector=probe["name"]).redactor
        with open_connector(kind, probe["config"], name=probe["name"]) as connector:
            if probe["action"] == "test":
                found = connector.test_connection()
                connection = asdict(found)
                report = HealthReport(
                    HealthStatus.HEALTHY, latency_ms=found.latency_ms, server_version=found.server_version
                )
            else:
                report = check_health(connector)
    except BaseException as error:  # noqa: BLE001 - a connector that calls sys.exit() has failed, too
        report, connection = HealthReport.from_error(error), {}
    return {"report": redactor.redact_json(asdict(report)), "connection": redactor.redact_json(connection)}


if __name__ == "__main__":
    main()
