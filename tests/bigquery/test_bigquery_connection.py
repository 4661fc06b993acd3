"""The way to BigQuery: configuration, credentials, health, what errors say."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from acme.sdk import AcmeError, ConfigurationError, FatalError, HealthStatus, RetriableError, open_connector
from acme_sdk.connectors.bigquery import BigQueryDestination
from acme_sdk.health import HealthReport, check_health
from acme_sdk.plugins import connector_class
from acme_sdk.probe import Probe, run_probes
from tests.bigquery.conftest import Dataset, Loader
from tests.bigquery.emulator import Emulator
from tests.bigquery.loads import batch, plan

CANARY = "canary-7f3a"


@pytest.fixture(scope="session")
def key() -> dict[str, str]:
    """The key of a service account that nobody knows."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "acme-test",
        "private_key_id": CANARY,
        "private_key": pem.decode(),
        "client_email": "loader@acme-test.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }


def health(config: dict[str, Any]) -> HealthReport:
    with open_connector(BigQueryDestination, config) as destination:
        return check_health(destination)


def test_type_is_installed() -> None:
    assert connector_class("bigquery", "destination") is BigQueryDestination


def test_healthy(dataset: Dataset) -> None:
    report = health(dataset.config)
    assert (report.status, report.code, report.server_version) == (HealthStatus.HEALTHY, None, "BigQuery")
    assert report.details == {"location": "US"}
    assert report.latency_ms is not None


def test_connection_report(dataset: Dataset, load: Loader) -> None:
    load(plan(), batch(id=[1]))
    with open_connector(BigQueryDestination, dataset.config) as destination:
        report = destination.test_connection()
    assert (report.server_version, report.database) == ("BigQuery", f"acme-test.{dataset.name}")
    assert report.tables == 2
    assert report.latency_ms is not None
    assert report.latency_ms >= 0


def test_probe_in_a_worker(dataset: Dataset) -> None:
    (result,) = run_probes([Probe("analytics", "bigquery", "destination", dataset.config, action="test")])
    assert result.report.status is HealthStatus.HEALTHY
    assert result.found["database"] == f"acme-test.{dataset.name}"
    assert [(step.name, step.result) for step in result.report.steps] == [
        ("resolve", "passed"),
        ("connect", "passed"),
        ("query", "passed"),
    ]


def test_missing_dataset(dataset: Dataset) -> None:
    report = health(dataset.config | {"dataset": "nowhere"})
    assert (report.status, report.code) == (HealthStatus.UNHEALTHY, "database.missing")
    assert report.message is not None
    assert "dataset nowhere" in report.message


def test_location_of_another_place(dataset: Dataset) -> None:
    report = health(dataset.config | {"location": "EU"})
    assert (report.status, report.code) == (HealthStatus.UNHEALTHY, "location.mismatch")
    assert report.hint == "set location to US"


def test_stopped_emulator() -> None:
    emulator = Emulator()
    config = {"project": "acme-test", "dataset": "ds", "api_endpoint": emulator.endpoint}
    assert health(config).code == "database.missing"
    emulator.stop()
    started = time.monotonic()
    report = health(config)
    assert time.monotonic() - started < 40  # it is not tried again for a minute, as calls of a sync are
    assert (report.status, report.code) == (HealthStatus.UNHEALTHY, "connect.refused")
    with (
        open_connector(BigQueryDestination, config) as destination,
        pytest.raises(RetriableError, match="connection refused"),
    ):
        destination.test_connection()


def test_endpoint_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        report = health({"project": "acme-test", "dataset": "ds", "api_endpoint": address})
        assert time.monotonic() - started < 40
    assert (report.status, report.code) == (HealthStatus.UNHEALTHY, "timeout")


@pytest.fixture
def refusing() -> Iterator[ThreadingHTTPServer]:
    """A server that answers each request with the ``answer`` it is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, reason = self.server.answer  # type: ignore[attr-defined]
            body = {
                "error": {
                    "code": status,
                    "message": "Sorry.",
                    "errors": [{"reason": reason, "message": "Sorry."}],
                }
            }
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if status == 302:
                self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("answer", "code", "kind"),
    [
        ((401, "authError"), "auth.failed", FatalError),
        ((403, "accessDenied"), "permission.denied", FatalError),
        ((403, "quotaExceeded"), "quota", RetriableError),
        ((403, "rateLimitExceeded"), "quota", RetriableError),
        ((429, "tooManyRequests"), "quota", RetriableError),
        ((404, "notFound"), "database.missing", FatalError),
        ((500, "internalError"), "server.failed", RetriableError),
        ((503, "backendError"), "server.failed", RetriableError),
        ((504, "timeout"), "timeout", RetriableError),
        ((400, "invalid"), "query.failed", FatalError),
        ((302, "found"), "connect.redirected", FatalError),
    ],
)
def test_what_errors_become(
    refusing: ThreadingHTTPServer, answer: tuple[int, str], code: str, kind: type[AcmeError]
) -> None:
    refusing.answer = answer  # type: ignore[attr-defined]
    config = {"project": "p", "dataset": "ds", "api_endpoint": f"http://127.0.0.1:{refusing.server_port}"}
    with open_connector(BigQueryDestination, config) as destination, pytest.raises(kind) as caught:
        destination.test_connection()
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "external_account", "credential_source": {"executable": {"command": "id"}}}, "type"),
        ({"type": "external_account", "credential_source": {"file": "/etc/passwd"}}, "type"),
        ({"type": "authorized_user"}, "type"),
        ({"type": None}, "type"),
        ({"token_uri": "https://oauth2.googleapis.com.evil.example/token"}, "token_uri"),
        ({"token_uri": "http://169.254.169.254/token"}, "token_uri"),
        ({"token_uri": None}, "token_uri"),
        ({"universe_domain": "evil.example"}, "universe_domain"),
        ({"private_key": CANARY}, "private_key"),
        ({"client_email": None}, "field is missing"),
    ],
)
def test_refused_credentials(key: dict[str, str], changes: dict[str, Any], reason: str) -> None:
    info = {name: value for name, value in (key | changes).items() if value is not None}
    _refused(json.dumps(info), reason)


@pytest.mark.parametrize("text", [CANARY, f'{{"type": "{CANARY}"', f'["{CANARY}"]', "[" * 100_000])
def test_credentials_that_are_no_json_object(text: str) -> None:
    _refused(text, "")


def _refused(text: str, reason: str) -> None:
    config = {"project": "p", "dataset": "ds", "credentials": text}
    with pytest.raises(ConfigurationError) as caught, open_connector(BigQueryDestination, config):
        pass
    shown = f"{caught.value} {caught.value.hint} {caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.code == "credentials.invalid"
    assert reason in caught.value.message
    assert CANARY not in shown
    assert "PRIVATE KEY" not in shown


def test_good_credentials_are_taken_and_not_shown(
    key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_connector(
        BigQueryDestination, {"project": "p", "dataset": "ds", "credentials": json.dumps(key)}
    ) as destination:
        assert CANARY not in repr(vars(destination))


def test_no_credentials_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with (
        pytest.raises(FatalError) as caught,
        open_connector(BigQueryDestination, {"project": "p", "dataset": "ds"}),
    ):
        pass
    assert caught.value.code == "auth.failed"


def test_default_credentials_go_to_google_only(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, key: dict[str, str]
) -> None:
    path = tmp_path / "default.json"
    path.write_text(json.dumps(key))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    # With these, the client would first ask Google for a token, in vain.
    assert health(dataset.config).status is HealthStatus.HEALTHY


@pytest.mark.parametrize(
    "endpoint",
    [
        "localhost:9050",
        "file:///etc/passwd",
        "ftp://host",
        "http://",
        "http://u:p@host",
        "http://[::1",
        "https://h?x=1",
    ],
)
def test_endpoints_that_are_none(endpoint: str) -> None:
    config = {"project": "p", "dataset": "ds", "api_endpoint": endpoint}
    with pytest.raises(ConfigurationError, match="api_endpoint"), open_connector(BigQueryDestination, config):
        pass


def test_credentials_stay_off_plain_http(key: dict[str, str]) -> None:
    config = {
        "project": "p",
        "dataset": "ds",
        "credentials": json.dumps(key),
        "api_endpoint": "http://localhost:1",
    }
    with pytest.raises(ConfigurationError, match="plain HTTP"), open_connector(BigQueryDestination, config):
        pass


@pytest.mark.parametrize(
    "wrong",
    [
        {"project": ""},
        {"project": "a`b"},
        {"dataset": "a.b"},
        {"dataset": "../x"},
        {"location": "U S"},
        {"tabel": "x"},
    ],
)
def test_wrong_fields(wrong: dict[str, str]) -> None:
    (field,) = wrong
    with (
        pytest.raises(ConfigurationError, match=field),
        open_connector(BigQueryDestination, {"project": "p", "dataset": "ds"} | wrong),
    ):
        pass
