"""Asking connectors from outside: each in a worker process, under a deadline.

All probes of one call share one worker, in which they run side by side. When a deadline passes the worker is
killed, so that a connector that hangs leaves no thread, process or connection behind, and its author's code
never runs in the process that asks.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from acme_sdk.health import CHECK_TIMEOUT_S, HealthReport, HealthStatus
from acme_sdk.steps import Step

__all__ = ["Probe", "ProbeResult", "run_probes", "takes_worker_down"]

# What a worker may need to come up on a busy machine, beyond the probes' own time.
_START_S = 15.0
# It says once a second that it is alive. Longer silence means that a connector holds up the whole process.
_SILENCE_S = 10.0
# What a process may need to end that has closed its output.
_END_S = 10.0


@dataclass(frozen=True)
class Probe:
    """One question to one connector.

    Attributes:
        name: The connector's name; answers carry it.
        type: Its type.
        role: ``source`` or ``destination``; a type that is described has both.
        config: Its configuration as written; references are resolved in the worker.
        action: ``health`` asks ``health_check``, ``test`` asks ``test_connection``, ``streams`` asks a source
            for its streams; ``describe`` asks the type what it is.
        folder: The connectors folder, or ``None``.
        timeout: Seconds until the connector counts as hanging (code ``timeout``), from when it is imported.
        attempts: How often a connector that fails is asked, until that counts; each time has its ``timeout``.
    """

    name: str
    type: str
    role: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    action: str = "health"
    folder: str | None = None
    timeout: float = CHECK_TIMEOUT_S
    attempts: int = 1


@dataclass(frozen=True)
class ProbeResult:
    """The answer to one `Probe`.

    Attributes:
        name: As in the probe.
        report: The health found; for other actions, whether there is an answer.
        found: The answer to other actions, empty when they failed: for ``test`` the fields of a
            `ConnectionReport`, for ``streams`` and ``describe`` what `acme_sdk.description` says.
    """

    name: str
    report: HealthReport
    found: Mapping[str, Any] = field(default_factory=dict)


def run_probes(
    probes: Sequence[Probe],
    *,
    concurrency: int = 32,
    begin_within: float | None = None,
    env: Mapping[str, str] | None = None,
) -> Generator[ProbeResult, None, None]:
    """Ask every connector and yield the answers as they come; closing the generator ends what still runs.

    Args:
        probes: What to ask, in this order; names must differ.
        concurrency: How many are asked at the same time, not counting those that take longer than a second.
        begin_within: Seconds after which no probe begins any more; those left over have no answer.
        env: The worker's whole environment; this process's own by default.
    """
    if not probes:
        return
    until = None if begin_within is None else time.monotonic() + begin_within
    waiting = {probe.name: probe for probe in probes}
    under_way: dict[str, Probe] = {}
    patience = _START_S
    with _Worker(probes, concurrency, begin_within, env) as worker:
        # The worker keeps the time.
        while waiting and (message := worker.receive(patience)) is not None:
            patience = _SILENCE_S
            match message:
                case {"event": "alive"}:
                    pass
                case {"event": "begin", "name": name}:
                    under_way[name] = waiting[name]
                case {"event": "again", "name": name}:
                    del under_way[name]
                case {"event": "late", "name": name}:
                    del waiting[name]
                case {"name": name}:
                    # One that failed may have been kept until it was too late to ask it again.
                    under_way.pop(name, None)
                    yield _result(message, waiting.pop(name).timeout)
        exit_code = worker.kill()
    if waiting:
        yield from _ask_again(waiting, list(under_way.values()), exit_code, concurrency, until, env)


def takes_worker_down(report: HealthReport) -> bool:
    """Tell whether a connector took others down with it, so that it is better asked in a call of its own."""
    return report.code == "crashed" or "blocked" in report.details


def _ask_again(
    waiting: Mapping[str, Probe],
    suspects: list[Probe],
    exit_code: int | None,
    concurrency: int,
    until: float | None,
    env: Mapping[str, str] | None,
) -> Iterator[ProbeResult]:
    """Find out which connector took the worker down, then go on with the rest.

    Each suspect gets a worker of its own, the one that began last first, since most that crash do so at once.
    """
    rest, suspects = dict(waiting), suspects or list(waiting.values())
    if len(suspects) == 1:
        [guilty] = suspects
        del rest[guilty.name]
        yield ProbeResult(guilty.name, _blocking() if exit_code is None else _crashed(exit_code))
    else:
        for probe in reversed(suspects):
            if (within := _left(until)) is not None and within <= 0:
                return
            del rest[probe.name]
            [result] = run_probes([probe], env=env)
            yield result
            if takes_worker_down(result.report):
                break
    yield from run_probes(list(rest.values()), concurrency=concurrency, begin_within=_left(until), env=env)


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


def _hanging(timeout: float, steps: tuple[Step, ...]) -> HealthReport:
    return HealthReport(
        HealthStatus.UNHEALTHY,
        code="timeout",
        message=f"no answer in {timeout:g} s",
        hint="check that the server answers and that no firewall drops the packets",
        latency_ms=round(timeout * 1000),
        steps=steps,
    )


def _blocking() -> HealthReport:
    return HealthReport(
        HealthStatus.UNHEALTHY,
        code="timeout",
        message=f"the process that ran the connector was held up for {_SILENCE_S:g} s",
        hint="the connector's own code, or a library of it, lets no other thread run",
        latency_ms=round(_SILENCE_S * 1000),
        details={"blocked": "its process"},
    )


def _crashed(exit_code: int) -> HealthReport:
    return HealthReport(
        HealthStatus.UNHEALTHY,
        code="crashed",
        message=f"the process that ran the connector ended with {exit_code}",
        hint="the connector's own code, or a library of it, ended the process",
    )


def _result(message: Mapping[str, Any], timeout: float) -> ProbeResult:
    if message["event"] == "timeout":
        return ProbeResult(message["name"], _hanging(timeout, _steps(message["steps"])))
    report = dict(message["report"])
    report |= {"status": HealthStatus(report["status"]), "steps": _steps(report["steps"])}
    return ProbeResult(message["name"], HealthReport(**report), message["found"])


def _steps(documents: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(Step(**document) for document in documents)


class _Worker:
    """The child process: probes in on its standard input, events out, one JSON document a line."""

    def __init__(
        self,
        probes: Sequence[Probe],
        concurrency: int,
        begin_within: float | None,
        env: Mapping[str, str] | None,
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "acme_sdk.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=dict(os.environ if env is None else env),
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        with suppress(BrokenPipeError):  # it died at once; the missing answers say so
            document = {
                "concurrency": concurrency,
                "begin_within": begin_within,
                "probes": [{**vars(probe), "config": dict(probe.config)} for probe in probes],
            }
            json.dump(document, self._process.stdin)
            self._process.stdin.close()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._messages.put(json.loads(line))
        self._closed.set()
        self._messages.put(None)

    def receive(self, timeout: float) -> dict[str, Any] | None:
        """Return the next event, or ``None`` when there is none in time or no more at all."""
        try:
            return self._messages.get(timeout=max(timeout, 0.0))
        except queue.Empty:
            return None

    def kill(self) -> int | None:
        """End the worker; return its exit code if it had ended by itself."""
        if self._closed.is_set():  # so it is on its way out
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)
        exit_code = self._process.poll()
        with suppress(ProcessLookupError):  # the group: a connector may have started processes of its own
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        return exit_code

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not stream.closed:
                stream.close()
