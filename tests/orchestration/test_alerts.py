from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from dagster import DagsterInstance, SensorResult, build_sensor_context

from acme_orchestration.alerts import Alert, EmailAlert, SlackAlert, StateChange, WebhookAlert
from acme_orchestration.alerts.declared import BrokenAlert
from acme_orchestration.definitions import build_definitions
from acme_orchestration.instance.evaluation import CheckRecord, evaluation_of
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.errors import AcmeError
from acme_sdk.health import HealthReport, HealthStatus
from tests.orchestration.conftest import Folder
from tests.orchestration.servers import Inbox, http_server, smtp_server

DOWN = HealthReport(HealthStatus.UNHEALTHY, "connect.refused", "nobody is there", "start it")
UP = HealthReport(HealthStatus.HEALTHY)
SINCE = datetime(2026, 2, 15, 10, 28, tzinfo=UTC)
CHANGE = StateChange(
    "users_db", HealthStatus.HEALTHY, HealthStatus.UNHEALTHY, SINCE, DOWN.code, DOWN.message, DOWN.hint
)


class Alerts:
    """Stores states, and does what the daemon does for the alerts, as if time passed."""

    def __init__(
        self, workspace: Workspace, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.heard: list[StateChange] = []
        self.fails = False
        self.cursor: str | None = None
        self.reason = ""
        self._now = datetime.now(UTC)
        self._instance = instance
        self._sensor = build_definitions(workspace, alerts={"hook": self.hook}).resolve_sensor_def(
            "connector_alerts"
        )
        monkeypatch.setattr("acme_orchestration.sensors.alerts.datetime", self)

    def hook(self, changes: Sequence[StateChange]) -> None:
        if self.fails:
            raise RuntimeError("not now")
        self.heard += changes

    def now(self, _: object) -> datetime:
        return self._now

    def store(self, name: str, report: HealthReport) -> None:
        self._instance.report_runless_asset_event(
            evaluation_of(name, CheckRecord(self._now, report, self._now))
        )

    def tick(self, seconds: float = 30) -> list[str]:
        """Let time pass, evaluate the sensor, and return what the hook heard."""
        self._now += timedelta(seconds=seconds)
        self.heard.clear()
        with build_sensor_context(instance=self._instance, cursor=self.cursor) as context:
            result = self._sensor(context)
        assert isinstance(result, SensorResult)
        self.cursor = result.cursor
        self.reason = str(result.skip_reason)
        return [f"{change.connector}: {change.before} → {change.after}" for change in self.heard]

    def ticks(self, count: int, report: HealthReport) -> list[str]:
        """Find ``users_db`` in a state and tick, several times."""
        heard = []
        for _ in range(count):
            self.store("users_db", report)
            heard += self.tick()
        return heard


@pytest.fixture
def alerts(workspace: Workspace, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Alerts:
    return Alerts(workspace, instance, monkeypatch)


def test_each_change_is_told_once(alerts: Alerts) -> None:
    assert alerts.tick() == []
    alerts.store("users_db", UP)
    alerts.store("orders-db", DOWN)
    assert alerts.tick() == ["orders-db: healthy → unhealthy"]
    [change] = alerts.heard
    assert (change.code, change.message, change.hint) == (DOWN.code, DOWN.message, DOWN.hint)
    assert alerts.tick() == []
    alerts.store("orders-db", UP)
    alerts.store("users_db", DOWN)
    assert alerts.tick() == ["users_db: healthy → unhealthy", "orders-db: unhealthy → healthy"]
    assert alerts.heard[0].owner == "team:data"
    assert alerts.tick() == []


def test_an_alert_that_fails_is_told_again_after_longer_and_longer_pauses(alerts: Alerts) -> None:
    alerts.fails = True
    tries = 0
    for _ in range(20):
        alerts.ticks(1, DOWN)
        tries += "failed, to be tried again: hook" in alerts.reason
    assert tries == 5  # after 30, 60, 120 and 240 seconds; the pause is 480 now
    alerts.fails = False
    assert alerts.ticks(20, DOWN) == ["users_db: healthy → unhealthy"]


def test_a_state_that_was_over_before_it_could_be_told_is_not_told(alerts: Alerts) -> None:
    alerts.fails = True
    assert alerts.ticks(1, DOWN) == []
    alerts.fails = False
    assert alerts.ticks(20, UP) == []


def test_checks_that_stop_are_told_when_the_sensor_had_time_to_look_again(alerts: Alerts) -> None:
    alerts.store("users_db", UP)
    alerts.tick()
    # The daemon was away: nobody is told, if the connector is checked again soon.
    assert alerts.tick(3600) == []
    alerts.store("users_db", UP)
    assert alerts.tick() == []
    heard = [line for _ in range(10) for line in alerts.tick()]
    assert heard == ["users_db: healthy → unknown"]
    alerts.store("users_db", UP)
    assert alerts.tick() == ["users_db: unknown → healthy"]


def test_a_connector_that_cannot_tell_is_not_told(alerts: Alerts) -> None:
    mute = HealthReport(HealthStatus.UNKNOWN, "health.not_implemented")
    alerts.store("users_db", mute)
    assert alerts.tick() == []
    alerts.store("users_db", DOWN)
    assert alerts.tick() == ["users_db: healthy → unhealthy"]
    alerts.store("users_db", mute)
    assert alerts.tick() == ["users_db: unhealthy → unknown"]


@pytest.mark.parametrize("garbage", ["", "x", "eA=="])
def test_a_cursor_that_cannot_be_read_is_begun_anew(alerts: Alerts, garbage: str) -> None:
    alerts.store("users_db", DOWN)
    alerts.cursor = garbage
    assert alerts.tick() == ["users_db: healthy → unhealthy"]


@pytest.fixture
def http() -> Iterator[Inbox]:
    with http_server() as inbox:
        yield inbox


@pytest.fixture
def smtp() -> Iterator[Inbox]:
    with smtp_server() as inbox:
        yield inbox


def test_a_webhook(http: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_URL", f"http://127.0.0.1:{http.port}/token-5512")
    monkeypatch.setenv("ALERT_TOKEN", "Bearer canary-7731")
    alert = WebhookAlert(url={"env": "ALERT_URL"}, authorization={"env": "ALERT_TOKEN"})
    alert([CHANGE])
    [message] = http.messages
    assert message["changes"] == [
        {
            "id": "users_db/unhealthy/1771151280",
            "connector": "users_db",
            "before": "healthy",
            "after": "unhealthy",
            "since": "2026-02-15T10:28:00+00:00",
            "code": "connect.refused",
            "message": "nobody is there",
            "hint": "start it",
        }
    ]
    assert message["text"] == (
        "users_db is unhealthy since 2026-02-15 10:28:00 UTC: nobody is there (start it)"
    )
    assert http.headers[0]["Authorization"] == "Bearer canary-7731"

    http.status = 500
    with pytest.raises(AcmeError, match="answered 500"):
        alert([CHANGE])
    monkeypatch.setenv("ALERT_URL", "http://127.0.0.1:9/token-5512")
    with pytest.raises(AcmeError) as caught:
        alert([CHANGE])
    assert "token-5512" not in repr(caught.value)


def test_slack(http: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-canary-7731")
    alert = SlackAlert(
        channel="#data", token={"env": "SLACK_TOKEN"}, api_url=f"http://127.0.0.1:{http.port}/api/"
    )
    alert([CHANGE])
    assert http.messages[0]["channel"] == "#data"
    assert http.messages[0]["text"].startswith("users_db is unhealthy since 2026")
    http.answer = b'{"ok": false, "error": "channel_not_found"}'
    with pytest.raises(AcmeError, match="channel_not_found") as caught:
        alert([CHANGE])
    assert "canary" not in repr(caught.value)


def test_e_mail(smtp: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "canary-7731")
    alert = EmailAlert(
        host="127.0.0.1",
        port=smtp.port,
        security="none",
        sender="acme@example.com",
        to=("data@example.com", "ops@example.com"),
        password={"env": "MAIL_PASSWORD"},
    )
    alert([CHANGE, CHANGE])
    mail = email.message_from_string(smtp.messages[0], policy=email.policy.default)
    assert mail["Subject"] == "users_db, users_db are unhealthy"
    assert mail["To"] == "data@example.com, ops@example.com"
    assert mail.get_content().count("nobody is there (start it)") == 2
    assert smtp.headers[0]["auth"].startswith("AUTH PLAIN")


def test_what_an_alert_is_for(http: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_URL", f"http://127.0.0.1:{http.port}")
    url = {"env": "ALERT_URL"}
    WebhookAlert(url=url, connectors=("orders-db",))([CHANGE])
    WebhookAlert(url=url, states=(HealthStatus.HEALTHY,))([CHANGE])
    assert http.messages == []
    WebhookAlert(url=url, connectors=("users_db",), states=(HealthStatus.UNHEALTHY,))([CHANGE])
    assert len(http.messages) == 1


def test_alerts_are_declared_beside_the_connectors(folder: Folder) -> None:
    alerts = folder.declare(
        """
        alerts:
          on_call: {type: webhook, url: {env: ALERT_URL}, states: [unhealthy]}
          team: {type: slack, channel: "#data", token: {env: SLACK_TOKEN}}
          mail: {type: email, host: localhost, security: none, sender: a@b.example, to: [c@d.example]}
          literal: {type: webhook, url: "https://hooks.example/secret-7731"}
          pager: {type: pager}
        """
    ).alerts
    assert [type(alert) for alert in alerts.values()] == [
        WebhookAlert, SlackAlert, EmailAlert, BrokenAlert, BrokenAlert,
    ]  # fmt: skip
    with pytest.raises(AcmeError, match=r"alerts\.literal\.url: a secret stands here") as caught:
        alerts["literal"]([CHANGE])
    assert "7731" not in str(caught.value)
    with pytest.raises(AcmeError, match=r"alerts\.pager"):
        alerts["pager"]([CHANGE])


def test_an_alert_that_hangs_holds_up_no_other(
    workspace: Workspace, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch, http: Inbox
) -> None:
    monkeypatch.setattr("acme_orchestration.alerts.delivery._DEADLINE_S", 1.0)
    monkeypatch.setenv("ALERT_URL", f"http://127.0.0.1:{http.port}")
    http.open.clear()
    slow: Alert = WebhookAlert(url={"env": "ALERT_URL"})
    alerts = Alerts(workspace, instance, monkeypatch)
    definitions = build_definitions(workspace, alerts={"slow": slow, "hook": alerts.hook})
    alerts._sensor = definitions.resolve_sensor_def("connector_alerts")
    alerts.store("users_db", DOWN)
    assert alerts.tick() == ["users_db: healthy → unhealthy"]
    assert "failed, to be tried again: slow" in alerts.reason
