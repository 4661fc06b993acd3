"""Measures the API's list of connectors: ``python -m benchmarks.api``.

Beside it are measured Dagster's GraphQL, asked for the same states on the same instance, and a Flask endpoint
that sends the same bytes from memory, which is the limit of server and framework.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import requests
from dagster import DagsterInstance

from acme_orchestration.graphql import ask
from acme_sdk.health import HealthStatus
from benchmarks.api.history import store
from benchmarks.api.servers import api_server, stored_bytes, webserver
from benchmarks.api.workspace import FOLDER, prepared

LIST = "/api/v1/connectors"

_CHECKS = """
{ assetNodes { assetKey { path } assetChecksOrError { ... on AssetChecks { checks {
  name executionForLatestMaterialization { status evaluation { severity metadataEntries {
    label ... on TextMetadataEntry { text } } } } } } } } }
"""


def main() -> None:
    """Measure and print a table."""
    options = _options()
    folder = FOLDER / f"{options.connectors}x{options.checks}"
    home = prepared(folder, options.connectors, options.checks)
    rows: list[tuple[str, str]] = []
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
        rows.append(("health of one connector, median", _ms(_median(f"{url}{LIST}/c00000/health", 20))))
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
    size = f"{options.connectors:,} connectors, {options.checks:,} checks each, {options.workers} workers"
    print(f"| {size} | |\n|---|---|")
    print("\n".join(f"| {name} | {figure} |" for name, figure in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api", description=__doc__)
    parser.add_argument("--connectors", type=int, default=1000, metavar="N", help="how many (1000)")
    parser.add_argument("--checks", type=int, default=500, metavar="N", help="stored checks of each (500)")
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
