"""The worker process behind `acme_sdk.probe`; run as ``python -m acme_sdk.worker``.

Reads one JSON document from standard input and writes one JSON document a line: an event when a probe
begins, and one with what came of it. Whatever a connector prints goes nowhere: it could hold a secret, or
look like an answer.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from acme_sdk.asking import ask
from acme_sdk.health import HealthStatus
from acme_sdk.steps import Steps

__all__ = ["main"]

# What a connector's module may take to be imported on a busy machine, beyond the probe's own time.
_IMPORT_S = 10.0
# One that takes longer gives its place to the next, so that those that hang hold up no other.
_PATIENCE_S = 1.0
_MOST_UNDER_WAY = 256
_ALIVE_S = 1.0


def main() -> None:
    """Answer the probes on standard input, then end the process, whatever still hangs in it."""
    answers = os.fdopen(os.dup(1), "w")
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    job = json.load(sys.stdin)
    _Probes(answers, job["concurrency"], job["begin_within"]).run(job["probes"])
    # Not sys.exit(), which would wait for the threads that hang.
    os._exit(0)


@dataclass(eq=False)
class _Attempt:
    """A probe under way.

    Attributes:
        probe: The probe.
        patience: Until when it has a place, by the monotonic clock.
        deadline: When it counts as hanging, by the same.
        steps: What it has come to.
    """

    probe: dict[str, Any]
    patience: float
    deadline: float
    steps: Steps = field(default_factory=Steps)


class _Probes:
    """The probes that run side by side: one that overstays its time no longer counts, and is left behind."""

    def __init__(self, answers: IO[str], concurrency: int, begin_within: float | None) -> None:
        self._answers = answers
        self._concurrency = max(1, concurrency)
        self._begin_until = float("inf") if begin_within is None else time.monotonic() + begin_within
        self._waiting: deque[dict[str, Any]] = deque()
        self._under_way: dict[str, _Attempt] = {}
        self._failed: dict[str, dict[str, Any]] = {}  # what comes of those that are to be asked again
        self._changed = threading.Condition()
        self._written_at = time.monotonic()

    def run(self, probes: Iterable[dict[str, Any]]) -> None:
        """Ask all; return when each has answered or had its time, or can no longer begin."""
        self._waiting.extend(probes)
        with self._changed:
            while True:
                self._give_up_overdue()
                self._begin_waiting()
                if not self._under_way:
                    return
                now = time.monotonic()
                if now - self._written_at >= _ALIVE_S:
                    self._write({"event": "alive"})
                self._changed.wait(min(_ALIVE_S, max(0.0, self._next_moment() - now)))

    def _begin_waiting(self) -> None:
        """Begin those for which there is a place; when their time is over, dismiss all."""
        while self._waiting and time.monotonic() >= self._begin_until:
            name = self._waiting.popleft()["name"]
            self._write(self._failed.pop(name, {"event": "late", "name": name}))
        while self._waiting and self._has_place():
            probe = self._waiting.popleft()
            now = time.monotonic()
            attempt = _Attempt(probe, now + _PATIENCE_S, now + _IMPORT_S)
            self._under_way[probe["name"]] = attempt
            self._write({"event": "begin", "name": probe["name"]})
            threading.Thread(target=self._answer, args=(attempt,), daemon=True).start()

    def _has_place(self) -> bool:
        now = time.monotonic()
        recent = sum(1 for attempt in self._under_way.values() if attempt.patience > now)
        return recent < self._concurrency and len(self._under_way) < _MOST_UNDER_WAY

    def _next_moment(self) -> float:
        """Return when a time is over: that of a probe, or with others waiting, that of a place."""
        moments = [attempt.deadline for attempt in self._under_way.values()]
        if self._waiting:
            now = time.monotonic()
            moments += [at for attempt in self._under_way.values() if (at := attempt.patience) > now]
        return min(moments)

    def _answer(self, attempt: _Attempt) -> None:
        probe = attempt.probe
        answer = ask(probe, attempt.steps, imported=lambda: self._begin_anew(attempt))
        with self._changed:
            # Nobody listens any more to one that had been given up.
            if self._under_way.get(probe["name"]) is attempt:
                failed = answer["report"]["status"] == HealthStatus.UNHEALTHY
                self._end(attempt, {"event": "answer", "name": probe["name"], **answer}, failed)
                self._changed.notify()

    def _begin_anew(self, attempt: _Attempt) -> None:
        """Give a probe its time: how long the import took says nothing about what is asked."""
        with self._changed:
            now = time.monotonic()
            attempt.patience, attempt.deadline = now + _PATIENCE_S, now + attempt.probe["timeout"]
            self._changed.notify()

    def _give_up_overdue(self) -> None:
        now = time.monotonic()
        for attempt in [attempt for attempt in self._under_way.values() if attempt.deadline <= now]:
            steps = [asdict(step) for step in attempt.steps.taken(failed=True)]
            event = {"event": "timeout", "name": attempt.probe["name"], "steps": steps}
            self._end(attempt, event, failed=True)

    def _end(self, attempt: _Attempt, event: dict[str, Any], failed: bool) -> None:
        """Report what came of a probe, unless it failed and may be asked once more."""
        probe = attempt.probe
        del self._under_way[probe["name"]]
        if failed and probe["attempts"] > 1:
            self._failed[probe["name"]] = event
            self._waiting.append(probe | {"attempts": probe["attempts"] - 1})
            self._write({"event": "again", "name": probe["name"]})
        else:
            self._failed.pop(probe["name"], None)
            self._write(event)

    def _write(self, event: dict[str, Any]) -> None:
        self._written_at = time.monotonic()
        self._answers.write(json.dumps(event, default=str) + "\n")
        self._answers.flush()


if __name__ == "__main__":
    main()
