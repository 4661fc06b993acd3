from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from dagster import DagsterInstance, Definitions, SensorResult, build_sensor_context

from acme_orchestration.definitions import build_definitions
from acme_orchestration.instance import CheckRecord, InstanceReader
from acme_orchestration.instance.cursor import HEALTH_SENSOR, read_cursor, read_doubts, write_cursor
from acme_orchestration.instance.evaluation import evaluation_of, record_of
from acme_sdk.health import HealthReport, HealthStatus
from acme_sdk.probe import Probe, ProbeResult
from tests.orchestration.conftest import PASSWORD, Folder


class Ticker:
    """Does what the daemon does: evaluates the sensor, stores its events, keeps its cursor."""

    def __init__(self, definitions: Definitions, instance: DagsterInstance) -> None:
        self._sensor = definitions.resolve_sensor_def(HEALTH_SENSOR)
        self._instance = instance
        self.cursor: str | None = None

    def tick(self) -> dict[str, HealthReport]:
        """Evaluate the sensor and return what it stored, by Dagster name."""
        with build_sensor_context(instance=self._instance, cursor=self.cursor) as context:
            result = self._sensor(context)
        assert isinstance(result, SensorResult)
        self.cursor = result.cursor
        stored = {}
        for event in result.asset_events:
            self._instance.report_runless_asset_event(event)
            stored[event.asset_key.path[-1]] = record_of(event, 0).report
        return stored

    def later(self, seconds: float) -> None:
        """Let time pass, as far as the cursor knows."""
        times = {name: at - timedelta(seconds=seconds) for name, at in read_cursor(self.cursor).items()}
        self.cursor = write_cursor(times, read_doubts(self.cursor))


@pytest.fixture
def ticker(definitions: Definitions, instance: DagsterInstance) -> Ticker:
    return Ticker(definitions, instance)


def test_only_changes_of_state_are_stored(ticker: Ticker, folder: Folder) -> None:
    first = ticker.tick()
    assert {name: report.status for name, report in first.items()} == {
        "users_db": HealthStatus.HEALTHY,
        "orders_db": HealthStatus.HEALTHY,
        "analytics": HealthStatus.HEALTHY,
    }
    ticker.later(60)
    assert ticker.tick() == {}

    folder.turn("orders_db", "down")
    ticker.later(60)
    second = ticker.tick()
    assert list(second) == ["orders_db"]
    assert second["orders_db"].status is HealthStatus.UNHEALTHY
    assert second["orders_db"].code == "connect.refused"
    ticker.later(60)
    assert ticker.tick() == {}

    folder.turn("orders_db", "up")
    ticker.later(60)
    assert ticker.tick()["orders_db"].status is HealthStatus.HEALTHY


def test_what_is_not_due_is_not_asked(ticker: Ticker, folder: Folder) -> None:
    ticker.tick()
    ticker.tick()
    assert folder.asked("users_db") == 1
    ticker.later(60)
    ticker.tick()
    assert folder.asked("users_db") == 2


def test_one_failure_of_a_healthy_connector_does_not_count(ticker: Ticker, folder: Folder) -> None:
    ticker.tick()
    folder.turn("users_db", "once")
    ticker.later(60)
    assert ticker.tick() == {}
    assert folder.asked("users_db") == 3


def test_flapping_is_damped_by_thresholds(folder: Folder, instance: DagsterInstance) -> None:
    workspace = folder.declare(
        """
        connectors:
          users_db:
            type: switch
            role: source
            failure_threshold: 3
            success_threshold: 2
            config: {path: HERE/users_db}
        """
    )
    ticker = Ticker(build_definitions(workspace), instance)

    def after(order: str) -> HealthStatus | None:
        folder.turn("users_db", order)
        ticker.later(60)
        stored = ticker.tick()
        return stored["users_db"].status if stored else None

    assert after("up") is HealthStatus.HEALTHY
    for order in ("down", "down", "up", "down", "down", "up"):
        assert after(order) is None
    assert [after("down") for _ in range(4)] == [None, None, HealthStatus.UNHEALTHY, None]
    assert [after(order) for order in ("up", "down", "up", "up")] == [None, None, None, HealthStatus.HEALTHY]


def test_after_a_gap_a_state_begins_anew(ticker: Ticker, folder: Folder, instance: DagsterInstance) -> None:
    """Nobody knows what was meanwhile, so neither the age of the state nor a threshold goes on."""
    now = datetime.now(UTC)
    long_ago = CheckRecord(
        now - timedelta(minutes=10), HealthReport(HealthStatus.HEALTHY), now - timedelta(days=1)
    )
    instance.report_runless_asset_event(evaluation_of("users_db", long_ago))
    ticker.cursor = write_cursor({"users_db": now - timedelta(minutes=5)})
    assert "users_db" in ticker.tick()
    newest = InstanceReader(instance).history("users_db")[0]
    assert newest.since == newest.at > now


def test_hanging_and_crashing_connectors_hold_up_no_other(ticker: Ticker, folder: Folder) -> None:
    folder.turn("users_db", "hang")
    folder.turn("analytics", "exit")
    stored = ticker.tick()
    assert stored["users_db"].code == "timeout"
    assert stored["analytics"].code == "crashed"
    assert stored["orders_db"].status is HealthStatus.HEALTHY
    asked = folder.asked("orders_db")
    ticker.later(60)
    assert ticker.tick() == {}
    # The one that is known to crash had a worker of its own, so nobody else had to be asked twice.
    assert folder.asked("orders_db") == asked + 1


def test_a_missing_secret_is_its_connectors_state_alone(
    ticker: Ticker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWITCH_PASSWORD")
    stored = ticker.tick()
    assert stored["users_db"].code == "secret.missing"
    assert "SWITCH_PASSWORD" in (stored["users_db"].message or "")
    assert stored["orders_db"].status is HealthStatus.HEALTHY


def test_the_heartbeat_stores_an_unchanged_state(
    ticker: Ticker, instance: DagsterInstance, definitions: Definitions
) -> None:
    now = datetime.now(UTC)
    since = now - timedelta(days=3)
    healthy = HealthReport(HealthStatus.HEALTHY, latency_ms=7)
    for name, age in (("users_db", timedelta(minutes=31)), ("orders-db", timedelta(minutes=29))):
        instance.report_runless_asset_event(evaluation_of(name, CheckRecord(now - age, healthy, since)))
    last = now - timedelta(minutes=1)
    ticker.cursor = write_cursor({"users_db": last, "orders_db": last})

    assert set(ticker.tick()) == {"users_db", "analytics"}
    newest = InstanceReader(instance).history("users_db")[0]
    assert newest.since == pytest.approx(since, abs=timedelta(seconds=1))
    assert newest.at >= now


def test_when_much_is_new_the_rest_comes_first_in_the_next_tick(
    ticker: Ticker, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon stores events one by one, which must not take longer than a tick may."""
    monkeypatch.setattr("acme_orchestration.sensors.health._MOST_EVENTS", 2)
    first, second = ticker.tick(), ticker.tick()
    assert (len(first), len(second)) == (2, 1)
    assert {*first, *second} == {"users_db", "orders_db", "analytics"}


@pytest.mark.parametrize("is_late", [False, True])
def test_when_too_many_are_too_old_only_what_is_new_is_stored(
    ticker: Ticker, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    """Stored as states that begin anew, some in each tick, the others would be too old again and again."""
    if is_late:
        monkeypatch.setattr("acme_orchestration.sensors.health._MOST_DUE", 2)
    at = datetime.now(UTC) - timedelta(minutes=10)
    for name, status in (("users_db", HealthStatus.HEALTHY), ("orders-db", HealthStatus.UNHEALTHY)):
        instance.report_runless_asset_event(evaluation_of(name, CheckRecord(at, HealthReport(status), at)))

    stored = set(ticker.tick())

    assert stored == ({"orders_db", "analytics"} if is_late else {"users_db", "orders_db", "analytics"})
    assert read_cursor(ticker.cursor).keys() == {"users_db", "orders_db", "analytics"}


def test_heartbeats_are_spread(
    ticker: Ticker, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acme_orchestration.sensors.health._MOST_HEARTBEATS", 1)
    now = datetime.now(UTC)
    old = CheckRecord(
        now - timedelta(minutes=31), HealthReport(HealthStatus.HEALTHY), now - timedelta(days=1)
    )
    for name in ("users_db", "orders-db", "analytics"):
        instance.report_runless_asset_event(evaluation_of(name, old))
    last = now - timedelta(minutes=1)
    ticker.cursor = write_cursor({"users_db": last, "orders_db": last, "analytics": last})
    stored: list[str] = []
    for _ in range(4):
        stored += ticker.tick()
        ticker.later(60)
    assert sorted(stored) == ["analytics", "orders_db", "users_db"]


def packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode())).decode()


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "{",
        "eA==",
        '{"users_db": 1700000000}',
        *map(packed, ["[]", "null", "7", '{"checked": {"x": ["users_db"]}, "doubts": {"users_db": "x"}}']),
        packed('{"checked": {"1e300": ["users_db"]}, "doubts": []}'),
        packed("[" * 100_000),
    ],
)
def test_the_cursor_survives_garbage(ticker: Ticker, garbage: str) -> None:
    ticker.cursor = garbage
    assert len(ticker.tick()) == 3
    assert set(read_cursor(ticker.cursor)) == {"users_db", "orders_db", "analytics"}


def test_a_clock_that_was_set_back_stops_no_check(ticker: Ticker, folder: Folder) -> None:
    ticker.tick()
    ticker.later(-86_400)
    ticker.tick()
    assert folder.asked("users_db") == 2


def test_faults_are_reported_and_disabled_connectors_left_alone(
    folder: Folder, instance: DagsterInstance
) -> None:
    workspace = folder.declare(
        """
        connectors:
          literal: {type: switch, role: source, config: {path: HERE/users_db, password: in-the-clear}}
          untyped: {type: swicth, role: source}
          resting: {type: switch, role: source, disabled: true, config: {path: HERE/users_db}}
          good: {type: switch, role: source, config: {path: HERE/orders_db}}
        """
    )
    stored = Ticker(build_definitions(workspace), instance).tick()

    assert set(stored) == {"literal", "untyped", "good"}
    assert stored["good"].status is HealthStatus.HEALTHY
    assert stored["literal"].code == "config.invalid"
    assert "connectors.literal.config.password" in (stored["literal"].message or "")
    assert "did you mean 'switch'?" in (stored["untyped"].message or "")
    assert folder.asked("users_db") == 0


def test_the_most_overdue_come_first(ticker: Ticker, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its time is over a tick begins no probe any more; what is left comes first in the next."""
    asked: list[str] = []

    def answered_late(probes: Sequence[Probe], **_: object) -> Iterator[ProbeResult]:
        asked.extend(probe.name for probe in probes)
        yield ProbeResult(probes[0].name, HealthReport(HealthStatus.HEALTHY))

    monkeypatch.setattr("acme_orchestration.sensors.health.run_probes", answered_late)
    now = datetime.now(UTC)
    ages = {"users_db": 100, "orders_db": 300, "analytics": 200}
    ticker.cursor = write_cursor({name: now - timedelta(seconds=age) for name, age in ages.items()})
    assert list(ticker.tick()) == ["orders_db"]
    assert asked == ["orders_db", "analytics", "users_db"]
    asked.clear()
    assert list(ticker.tick()) == ["analytics"]
    assert asked == ["analytics", "users_db"]


def test_no_secret_in_what_a_tick_stores(ticker: Ticker, folder: Folder) -> None:
    folder.turn("users_db", "down")
    report = ticker.tick()["users_db"]
    assert "no luck with" in (report.message or "")
    assert PASSWORD not in repr(report)


def test_the_sensor_requires_no_resource(definitions: Definitions) -> None:
    assert not definitions.resolve_sensor_def(HEALTH_SENSOR).required_resource_keys
