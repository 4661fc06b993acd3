"""Load on the API for some minutes: ``python -m benchmarks.api_load --minutes 10``.

Clients at a concurrency of 32 list, filter and ask for health, register, change and delete connectors, and
test connections that do not work, while health checks are stored. Counted are answers that are none of those
that were expected, times, and the memory of all processes of the server before and after.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

import psutil
from dagster import DagsterInstance

from acme_sdk.health import HealthStatus
from benchmarks.api.history import store
from benchmarks.api.servers import api_server
from benchmarks.api.workspace import FOLDER, prepared

_LIST = "/api/v1/connectors"
_WARM_UP_S = 15
# More than can be sent: what is measured is the server, not its rates.
_RATES = "read=100000000/hour, write=100000000/hour, test=100000000/hour, target=100000000/hour"
_NUMBERS = itertools.count()
_CLOSED = "postgresql://u:p@127.0.0.1:9/db"


@dataclass
class Counts:
    """What came of the requests of all clients: times in seconds, by kind, and answers not expected."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    unexpected: Counter[str] = field(default_factory=Counter)
    busy: int = 0


class Client:
    """One client, with a connection of its own."""

    def __init__(self, url: str, number: int, connectors: int, counts: Counts) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        self._random = random.Random(number)
        self._connectors = connectors
        self._counts = counts
        self._steps = (self._list, self._filter, self._health, self._registration, self._test)

    def send_on(self, over: threading.Event) -> None:
        """Send one request after the other until it is over."""
        while not over.is_set():
            (step,) = self._random.choices(self._steps, weights=(40, 25, 20, 4, 4))
            step()

    def _list(self) -> None:
        self._send("list", "GET", _LIST, (200,))

    def _filter(self) -> None:
        query = self._random.choice(
            ["status=unhealthy", "q=c0001", "sort=-last_check&limit=50", "type=parquet&limit=100&sort=status"]
        )
        self._send("filtered list", "GET", f"{_LIST}?{query}", (200,))

    def _health(self) -> None:
        number = self._random.randrange(self._connectors)
        self._send("health", "GET", f"{_LIST}/c{number:05}/health", (200,))

    def _registration(self) -> None:
        name = f"load_{next(_NUMBERS)}"
        body = {"name": name, "type": "parquet", "role": "destination", "config": {"path": name}}
        self._send("register", "POST", _LIST, (201,), body, {"Idempotency-Key": name})
        change = {"description": "changed"}
        tag = self._send("change", "PATCH", f"{_LIST}/{name}", (200,), change, {"If-Match": "*"})
        self._send("delete", "DELETE", f"{_LIST}/{name}", (204,), None, {"If-Match": tag or "*"})

    def _test(self) -> None:
        body = self._random.choice(
            [
                {"type": "postgres", "connection": _CLOSED},
                {"type": "postgres", "connection": "mysql://u:p@h/db"},
                {"type": "postgres", "connection": "postgresql://u:p@10.0.0.1/db"},
            ]
        )
        # As many as there are places.
        self._send("test", "POST", f"{_LIST}/test", (200, 422, 429), body)

    def _send(
        self,
        kind: str,
        method: str,
        path: str,
        expected: tuple[int, ...],
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> str | None:
        """Send a request, and return the entity tag of its answer."""
        sent = {"Content-Type": "application/json"} if body is not None else {}
        started = time.perf_counter()
        try:
            self._connection.request(
                method, path, None if body is None else json.dumps(body), sent | (headers or {})
            )
            answer = self._connection.getresponse()
            answer.read()
        except OSError as error:
            self._counts.unexpected[f"{kind}: {type(error).__name__}"] += 1
            self._connection.close()
            return None
        self._counts.times[kind].append(time.perf_counter() - started)
        self._counts.busy += answer.status == 429
        if answer.status not in expected:
            self._counts.unexpected[f"{kind}: {answer.status}"] += 1
        return answer.getheader("ETag")


def main() -> None:
    """Load a server, and print a table."""
    options = _options()
    folder = FOLDER / "load"
    home = prepared(folder, options.connectors, options.checks)
    server_options = ("--workers", str(options.workers), "--egress-allow", "127.0.0.0/8", "--rates", _RATES)
    counts, warm = Counts(), Counts()
    with api_server(folder, home, *server_options) as server, _checking(home):
        _load(server.url, options, _WARM_UP_S, warm)
        before = _memory(server.pid)
        _load(server.url, options, 60 * options.minutes, counts)
        after = _memory(server.pid)
    _print(options, counts, before, after)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api_load", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="how long (10)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="of the API (2)")
    parser.add_argument("--concurrency", type=int, default=32, metavar="N", help="how many clients (32)")
    parser.add_argument("--connectors", type=int, default=1000, metavar="N", help="how many (1000)")
    parser.add_argument("--checks", type=int, default=50, metavar="N", help="stored checks of each (50)")
    return parser.parse_args()


def _load(url: str, options: argparse.Namespace, seconds: float, counts: Counts) -> None:
    over = threading.Event()
    clients = [Client(url, number, options.connectors, counts) for number in range(options.concurrency)]
    threads = [threading.Thread(target=client.send_on, args=(over,)) for client in clients]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    over.set()
    for thread in threads:
        thread.join()


@contextmanager
def _checking(home: Path) -> Iterator[None]:
    """Store a health check every half a second meanwhile."""
    over = threading.Event()

    def check() -> None:
        with DagsterInstance.from_config(str(home)) as instance:
            for number in itertools.count():
                if over.wait(0.5):
                    return
                status = HealthStatus.UNHEALTHY if number % 3 else HealthStatus.HEALTHY
                store(instance, f"c{number % 50:05}", status)

    thread = threading.Thread(target=check)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _memory(pid: int) -> list[float]:
    """Return the memory of the arbiter and of each worker in MB; what they share is divided among them."""
    arbiter = psutil.Process(pid)
    workers = [child for child in arbiter.children() if "acme_sdk.worker" not in child.cmdline()]
    return [process.memory_full_info().pss / 2**20 for process in (arbiter, *workers)]


def _print(options: argparse.Namespace, counts: Counts, before: list[float], after: list[float]) -> None:
    total = sum(map(len, counts.times.values()))
    size = f"{options.connectors:,} connectors, {options.checks:,} checks each, {options.workers} workers"
    print(
        f"{size}, concurrency {options.concurrency}, {options.minutes:g} minutes: {total:,} requests, ",
        end="",
    )
    print(f"{total / options.minutes / 60:,.0f} a second; {counts.busy:,} found all places taken (429).\n")
    print("| | requests | p50 | p99 | longest |\n|---|---|---|---|---|")
    everything = [one for times in counts.times.values() for one in times]
    for kind, times in [*counts.times.items(), ("all", everything)]:
        cuts = quantiles(times, n=100) if len(times) > 1 else times * 99
        print(f"| {kind} | {len(times):,} | {_ms(cuts[49])} | {_ms(cuts[98])} | {_ms(max(times))} |")
    print(f"\nNot expected: {dict(counts.unexpected) or 'none'}")
    for when, memory in (("before", before), ("after", after)):
        each = ", ".join(f"{one:.0f}" for one in memory)
        print(f"Memory {when}: {sum(memory):.0f} MB ({each})")


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.1f} ms"


if __name__ == "__main__":
    main()
