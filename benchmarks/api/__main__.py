"""Measures the API's list of connectors: ``python -m benchmarks.api``.

Beside it are measured Dagster's GraphQL, asked for the same states on the same instance, and a Flask endpoint
that sends the same bytes from memory, which is the limit of server and framework.
"""

from __future__ import annotations

import argparse
import http.client
import json
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import requests
from dagster import DagsterInstance

from acme_orchestration.dev.postgres import PostgresServer
from acme_orchestration.graphql import ask
from acme_sdk.health import HealthStatus
from benchmarks.api.history import store
from benchmarks.api.servers import api_server, stored_bytes, webserver
from benchmarks.api.workspace import FOLDER, prepared
from benchmarks.health.storage import postgres_home, sqlite_home

LIST = "/api/v1/connectors"

_CHECKS = """
{ assetNodes { assetKey { path } assetChecksOrError { ... on AssetChecks { checks {
  name executionForLatestMaterialization { status evaluation { severity metadataEntries {
    label ... on TextMetadataEntry { text } } } } } } } } }
"""


def main() -> None:
    """Measure and print a table."""
    options = _options()
    folder = FOLDER / f"{options.connectors}x{options.checks}-{options.storage}"
    with _storage(options.storage, folder) as make_home:
        home = prepared(folder, options.connectors, options.checks, make_home)
        rows = _measured(folder, home, options)
    size = f"{options.connectors:,} connectors, {options.checks:,} checks each"
    print(f"| {size}, {options.storage}, {options.workers} workers | |\n|---|---|")
    print("\n".join(f"| {name} | {figure} |" for name, figure in rows))


def _measured(folder: Path, home: Path, options: argparse.Namespace) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    last = f"c{options.connectors - 1:05}"
    with api_server(folder, home, "--workers", str(options.workers)) as server:
        url = server.url
        started = time.perf_counter()
        body = requests.get(url + LIST, timeout=60).content
        rows.append(("first list after start", _ms(time.perf_counter() - started)))
        rows.append(("list, median", _ms(_median(url + LIST))))
        ours = _throughput(url + LIST, options.seconds)
        pages = f"{url}{LIST}?status=healthy&sort=-last_check&limit=50"
        rows.append(("filtered, sorted, a page of 50, median", _ms(_median(pages))))
        shown = f"{url}{LIST}?sort=name&limit=50&include=health&include=counts"
        rows.append(("a page of 50 with health, the first time", _ms(_timed(_getter(shown)))))
        rows.append(("a page of 50 with health, median", _ms(_median(shown))))
        health = f"{url}{LIST}/{last}/health"
        rows.append(("health with 30 days of history, the first time", _ms(_timed(_getter(health)))))
        rows.append(("health with 30 days of history, median", _ms(_median(health))))
        rows.append(("age of a status, longest of 10", _ms(_age(url, home))))
    (folder / "stored.json").write_bytes(body)
    with stored_bytes(folder / "stored.json") as url:
        limit = _throughput(url, options.seconds)
    rows.append(("list, requests/s at concurrency 8", f"{ours:,.0f}"))
    rows.append(("stored bytes, requests/s at concurrency 8", f"{limit:,.0f} ({ours / limit:.0%} of it)"))
    if options.graphql:
        with webserver(folder, home) as url:
            took = [_timed(lambda: ask(url, _CHECKS, timeout_s=300)) for _ in range(5)]
        rows.append(("Dagster's GraphQL, median", _ms(median(took))))
    return rows


@contextmanager
def _storage(kind: str, folder: Path) -> Iterator[Callable[[Path], Path]]:
    """Yield what makes a Dagster home with empty databases."""
    if kind == "sqlite":
        yield sqlite_home
        return
    data = folder.with_name(f"{folder.name}-server")
    shutil.rmtree(data, ignore_errors=True)
    server = PostgresServer(data, secrets.token_hex(8))
    server.start()
    try:
        yield partial(postgres_home, server=server)
    finally:
        server.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api", description=__doc__)
    parser.add_argument("--connectors", type=int, default=1000, metavar="N", help="how many (1000)")
    parser.add_argument("--checks", type=int, default=500, metavar="N", help="stored checks of each (500)")
    parser.add_argument(
        "--storage", choices=("sqlite", "postgres"), default="sqlite", help="of Dagster (sqlite)"
    )
    parser.add_argument("--seconds", type=float, default=10, help="how long requests are counted (10)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="of the API (1)")
    parser.add_argument(
        "--graphql", action=argparse.BooleanOptionalAction, default=True, help="measure Dagster's, too"
    )
    return parser.parse_args()


def _median(url: str, times: int = 200) -> float:
    get = _getter(url)
    get()
    return median(_timed(get) for _ in range(times))


def _throughput(url: str, seconds: float, concurrency: int = 8) -> float:
    """Return how many requests a second are answered when so many clients ask without a pause."""
    counts = [0] * concurrency
    end = time.perf_counter() + seconds

    def ask_on(place: int) -> None:
        get = _getter(url)
        while time.perf_counter() < end:
            get()
            counts[place] += 1

    threads = [threading.Thread(target=ask_on, args=(place,)) for place in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def _age(url: str, home: Path) -> float:
    """Return the longest time from a check that was stored until the list has its status."""
    get = _getter(url + LIST)
    ages = []
    with DagsterInstance.from_config(str(home)) as instance:
        for number in range(10):
            status = HealthStatus.HEALTHY if number % 2 else HealthStatus.UNHEALTHY
            store(instance, "c00000", status)
            stored_at = time.perf_counter()
            while json.loads(get())["data"][0]["status"] != status.value:
                time.sleep(0.01)
            ages.append(time.perf_counter() - stored_at)
    return max(ages)


def _getter(url: str) -> Callable[[], bytes]:
    """Return what gets the same document again and again over one connection."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    path = parts.path + (f"?{parts.query}" if parts.query else "")

    def get() -> bytes:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise SystemExit(f"{url}: {response.status}")
        return body

    return get


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.1f} ms"


if __name__ == "__main__":
    main()
