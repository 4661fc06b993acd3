"""What Prometheus is told: the states of the connectors, and what this server does."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import g, request
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from acme_orchestration.instance import InstanceUnavailableError
from acme_sdk.health import HealthStatus
from api.messages.problems import ProblemError

if TYPE_CHECKING:
    from flask import Response
    from prometheus_client.metrics_core import Metric

    from api.state.snapshot import ConnectorList, Snapshot

__all__ = ["Metrics"]

#: Where the processes of a server with several put their counts, for each to give those of all.
_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class Metrics:
    """The metrics of one application.

    Args:
        snapshot: The list of connectors, whose states each process of the server knows alike.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._states = _States(snapshot)
        self._own = CollectorRegistry()
        self._requests = Histogram(
            "acme_api_request_duration_seconds",
            "How long requests took, by what they asked for.",
            ("method", "route", "status"),
            registry=self._own,
        )
        self._rejected = Counter(
            "acme_api_requests_rejected_total",
            "Requests that were over a limit (status 429).",
            ("route",),
            registry=self._own,
        )
        self._tests = Counter(
            "acme_api_connection_tests_total",
            "Connection tests of configurations that were sent.",
            ("type", "result"),
            registry=self._own,
        )

    def count_test(self, type_name: str, result: str) -> None:
        """Count a connection test.

        Args:
            type_name: The connector type, one of those that can be tested.
            result: ``connected`` or ``failed``.
        """
        self._tests.labels(type_name, result).inc()

    def measure(self, response: Response) -> Response:
        """Count the present request, by the template of its path: paths themselves have no end."""
        method = request.method if request.method in _METHODS else "other"
        route = request.url_rule.rule if request.url_rule else "none"
        self._requests.labels(method, route, str(response.status_code)).observe(time.perf_counter() - g.began)
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            self._rejected.labels(route).inc()
        return response

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics, and their content type.

        Args:
            accept: The formats that are taken, as in the request's header.
        """
        encode, content_type = choose_encoder(accept)
        registry = CollectorRegistry()
        registry.register(self._states)
        if _FOLDER_VARIABLE in os.environ:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # it has no hints
        else:
            registry.register(_Of(self._own))
        return encode(registry), content_type


class _Of(Collector):
    """The metrics of a registry, in another one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        return iter(self._registry.collect())


class _States(Collector):
    """The states of the connectors, as the list has them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        try:
            found = self._snapshot.current()
        except (ProblemError, InstanceUnavailableError):
            return  # there are none while connectors.yaml, or the states, cannot be read
        yield GaugeMetricFamily(
            "acme_states_age_seconds",
            "Seconds since Dagster's database was read for the states of the connectors.",
            value=self._snapshot.age_s,
        )
        yield from _of_connectors(found)


def _of_connectors(found: ConnectorList) -> Iterator[Metric]:
    counts = dict.fromkeys((status.value for status in HealthStatus), 0)
    state = GaugeMetricFamily(
        "acme_connector_status",
        "1, with the status of the connector as a label.",
        labels=("connector", "type", "role", "status"),
    )
    latency = GaugeMetricFamily(
        "acme_connector_check_latency_seconds",
        "How long the last stored health check took.",
        labels=("connector",),
    )
    age = GaugeMetricFamily(
        "acme_connector_check_age_seconds",
        "Seconds since the connector was checked last.",
        labels=("connector",),
    )
    now = datetime.now(UTC)
    for name, listed in found.connectors.items():
        item, report = listed.item, found.states[name].report
        counts[item.status] += 1
        state.add_metric((name, item.type, item.role, item.status), 1)
        if item.last_check is not None:
            age.add_metric((name,), (now - item.last_check).total_seconds())
        if report is not None and report.latency_ms is not None:
            latency.add_metric((name,), report.latency_ms / 1000)
    total = GaugeMetricFamily("acme_connectors", "How many connectors have a status.", labels=("status",))
    for status, count in counts.items():
        total.add_metric((status,), count)
    yield from (total, state, latency, age)
