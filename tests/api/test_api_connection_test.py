"""POST /api/v1/connectors/test: against real servers, and against those who would misuse it."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from api.probing.egress import EgressPolicy
from api.quotas.limits import Limits, Places
from tests.api.client import Api, running_api
from tests.servers import DatabaseServer
from tests.tls_postgres import Authority, TlsPostgres

MakeApi = Callable[..., Api]
LOOPBACK = EgressPolicy.parse("127.0.0.0/8")
URL = "postgresql://user:pass@db.example.com:5432/db"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server that may test connections to loopback."""
    with running_api(tmp_path_factory.mktemp("api"), egress=LOOPBACK, test_timeout=20) as api:
        yield api


@pytest.fixture
def silent_server() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def field_errors(response: requests.Response) -> dict[str, str]:
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["code"] == "request.invalid"
    return {error["field"]: error["message"] for error in problem["errors"]}


def failure(response: requests.Response) -> dict[str, Any]:
    assert response.status_code == 200
    data = response.json()["data"]
    assert list(data) == ["status", "error", "steps"]
    assert data["status"] == "failed"
    assert list(data["error"]) == ["code", "message", "hint"]
    error: dict[str, Any] = data["error"]
    return error


def failed_step(response: requests.Response) -> str:
    """The step that a failed test ended with."""
    *passed, last = response.json()["data"]["steps"]
    assert {step["result"] for step in passed} <= {"passed"}
    assert last["result"] == "failed"
    return str(last["name"])


class TestRealServer:
    def test_the_answer_is_the_specifications(self, api: Api, postgres: DatabaseServer) -> None:
        database = postgres.create_database()
        postgres.execute(database, "CREATE TABLE a (id int)", "CREATE TABLE b (id int)")

        response = api.test({"type": "postgres", "connection": postgres.connection_string(database)})

        assert response.status_code == 200
        data = response.json()["data"]
        assert list(data) == ["status", "server_version", "database", "tables", "latency_ms", "steps"]
        assert data["status"] == "connected"
        assert data["server_version"].startswith("PostgreSQL ")
        assert data["database"] == database
        assert data["tables"] == 2
        assert type(data["latency_ms"]) is int
        assert data["latency_ms"] > 0
        assert [step["name"] for step in data["steps"]] == ["resolve", "connect", "authenticate", "query"]
        assert {step["result"] for step in data["steps"]} == {"passed"}

    def test_field_by_field(self, api: Api, postgres: DatabaseServer) -> None:
        config = {
            "host": postgres.host,
            "port": postgres.port,
            "database": "postgres",
            "user": postgres.user,
            "password": postgres.password,
            "ssl": {"mode": "disable"},
        }

        response = api.test({"type": "postgres", "role": "destination", "config": config})

        assert response.json()["data"]["status"] == "connected"

    def test_a_wrong_password_fails_and_stays_secret(self, api: Api, postgres: DatabaseServer) -> None:
        url = f"postgresql://{postgres.user}:canary-5f3a@{postgres.host}:{postgres.port}/postgres"

        response = api.test({"type": "postgres", "connection": url})

        assert failure(response)["code"] == "auth.failed"
        assert "canary-5f3a" not in response.text
        assert failed_step(response) == "authenticate"

    def test_a_closed_port(self, api: Api) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            response = api.test({"type": "postgres", "connection": f"postgresql://u:p@127.0.0.1:{port}/db"})

        assert failure(response)["code"] == "connect.refused"
        assert failed_step(response) == "connect"

    def test_a_server_that_never_answers(self, make_api: MakeApi, silent_server: int) -> None:
        api = make_api(egress=LOOPBACK, test_timeout=3)

        response = api.test(
            {"type": "postgres", "connection": f"postgresql://u:p@127.0.0.1:{silent_server}/db"}
        )

        assert failure(response)["code"] == "timeout"
        assert failed_step(response) == "connect"

    def test_the_servers_own_environment_completes_nothing(
        self, api: Api, postgres: DatabaseServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        passfile = tmp_path / ".pgpass"
        passfile.write_text(f"*:*:*:*:{postgres.password}\n")
        passfile.chmod(0o600)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("PGPASSWORD", postgres.password)
        without_password = f"postgresql://{postgres.user}@{postgres.host}:{postgres.port}/postgres"
        psycopg.connect(without_password).close()  # it does complete one that is opened here

        response = api.test({"type": "postgres", "connection": without_password})

        assert failure(response)["code"].startswith("auth.")


class TestTls:
    def ask(self, api: Api, server: TlsPostgres, host: str, ssl: dict[str, str]) -> requests.Response:
        return api.test({"type": "postgres", "connection": server.url(host), "ssl": ssl})

    @pytest.mark.parametrize(
        ("host", "mode"),
        [("localhost", "verify-full"), ("localhost", "verify-ca"), ("127.0.0.1", "verify-ca")],
    )
    def test_the_right_authority(
        self, api: Api, tls_postgres: TlsPostgres, authority: Authority, host: str, mode: str
    ) -> None:
        response = self.ask(api, tls_postgres, host, {"mode": mode, "ca": authority.pem})

        assert response.json()["data"]["status"] == "connected"

    @pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
    def test_a_wrong_authority(self, api: Api, tls_postgres: TlsPostgres, mode: str) -> None:
        wrong = Authority("The wrong one").pem

        response = self.ask(api, tls_postgres, "localhost", {"mode": mode, "ca": wrong})

        assert failure(response)["code"] == "tls.untrusted"

    def test_the_systems_authorities_do_not_know_it(self, api: Api, tls_postgres: TlsPostgres) -> None:
        response = self.ask(api, tls_postgres, "localhost", {"mode": "verify-full"})

        assert failure(response)["code"] == "tls.untrusted"

    def test_a_wrong_host_name(self, api: Api, tls_postgres: TlsPostgres, authority: Authority) -> None:
        response = self.ask(api, tls_postgres, "127.0.0.1", {"mode": "verify-full", "ca": authority.pem})

        assert failure(response)["code"] == "tls.host_mismatch"
        assert failed_step(response) == "tls"

    @pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
    def test_modes_that_verify_nothing(self, api: Api, tls_postgres: TlsPostgres, mode: str) -> None:
        response = self.ask(api, tls_postgres, "127.0.0.1", {"mode": mode})

        assert response.json()["data"]["status"] == "connected"

    @pytest.mark.parametrize("mode", ["require", "verify-full"])
    def test_a_server_without_tls(self, api: Api, postgres: DatabaseServer, mode: str) -> None:
        response = api.test(
            {"type": "postgres", "connection": postgres.connection_string("postgres"), "ssl": {"mode": mode}}
        )

        assert failure(response)["code"].startswith("tls.")


class TestRefused:
    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "2130706433", "[::1]", "169.254.169.254", "10.0.0.1"]
    )
    def test_targets_that_are_not_public(self, make_api: MakeApi, host: str) -> None:
        response = make_api().test({"type": "postgres", "connection": f"postgresql://u:p@{host}:5432/db"})

        assert failure(response)["code"] == "egress.refused"
        assert failed_step(response) == "resolve"

    def test_a_refused_target_gets_no_connection(self, make_api: MakeApi) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.settimeout(0.1)  # the answer has come, and so would the connection
            port = listener.getsockname()[1]
            make_api().test({"type": "postgres", "connection": f"postgresql://u:p@127.0.0.1:{port}/db"})
            with pytest.raises(TimeoutError):
                listener.accept()

    @pytest.mark.parametrize(
        "connection",
        [
            "postgresql://u:p@db.example.com/db?hostaddr=127.0.0.1",
            "postgresql://u:p@db.example.com/db?host=/var/run/postgresql",
            "postgresql://u:p@db.example.com/db?service=x",
            "postgresql://u:p@db.example.com/db?passfile=/etc/passwd",
            "postgresql://u:p@db.example.com/db?sslrootcert=/etc/passwd",
            "postgresql://u:p@db.example.com/db?sslkey=/etc/passwd",
            "postgresql://u:p@db.example.com/db?options=-c%20x%3Dy",
            "postgresql://u:p@db.example.com,127.0.0.1/db",
            "postgresql://u:p@%2Fvar%2Frun%2Fpostgresql/db",
            "postgresql://u:p@/db",
            "postgresql://u:p@[fe80::1%25eth0]/db",
            "postgresql://u:p@[::1/db",
            "postgresql://u:p@db.example.com:port/db",
            "postgresql://u:p@db.example.com:99999/db",
            "postgresql+psycopg2://u:p@db.example.com/db",
            "mysql://u:p@db.example.com/db",
            "sqlite:////etc/passwd",
            "duckdb:///etc/passwd",
            "host=127.0.0.1 dbname=db user=u",
            "postgresql://u:%00@db.example.com/db",
            "postgresql://u:p@db.example.com/db%0Ahost=x",
            "\n",
        ],
    )
    def test_connection_strings_that_mean_something_else(self, api: Api, connection: str) -> None:
        response = api.test({"type": "postgres", "connection": connection})

        assert all(field.startswith("connection") for field in field_errors(response))

    @pytest.mark.parametrize(
        "extra",
        [
            {"hostaddr": "127.0.0.1"},
            {"service": "x"},
            {"options": "-c x=y"},
            {"connection": URL},
            {"host": "/var/run/postgresql"},
            {"host": "@abstract"},
            {"host": "a,b"},
            {"host": "fe80::1%eth0"},
            {"host": "db.example.com\n"},
            {"port": 0},
            {"port": "5432"},
            {"password": "a\x00b"},
            {"ssl": {"mode": "maybe"}},
            {"ssl": {"mode": "require", "cert": "/etc/passwd"}},
        ],
    )
    def test_fields_that_may_not_be_sent(self, api: Api, extra: dict[str, Any]) -> None:
        config = {"host": "db.example.com", "database": "db", "user": "u", "password": "p"} | extra

        errors = field_errors(api.test({"type": "postgres", "config": config}))

        assert all(field.split(".")[1] in extra for field in errors)

    @pytest.mark.parametrize("reference", [{"env": "HOME"}, {"file": "/etc/passwd"}])
    def test_references_to_the_servers_secrets(self, api: Api, reference: dict[str, str]) -> None:
        config = {"host": "127.0.0.1", "database": "db", "user": "u", "password": reference}

        errors = field_errors(api.test({"type": "postgres", "config": config}))

        assert "references" in errors["config.password"]

    @pytest.mark.parametrize("kind", ["duckdb", "my_source", "nothing", "../postgres", "os"])
    def test_types_that_are_not_for_this(self, api: Api, kind: str) -> None:
        errors = field_errors(api.test({"type": kind, "config": {"path": "/etc/passwd"}}))

        assert errors == {"type": "cannot be tested over HTTP; postgres and bigquery can"}

    @pytest.mark.parametrize(
        "credentials",
        [
            {"type": "external_account", "credential_source": {"file": "/etc/passwd"}},
            {"type": "external_account", "credential_source": {"executable": {"command": "id"}}},
            {"type": "authorized_user", "client_id": "x", "client_secret": "y", "refresh_token": "z"},
            {
                "type": "service_account",
                "project_id": "p",
                "private_key": "k",
                "client_email": "e",
                "token_uri": "http://169.254.169.254/",
            },
            None,
        ],
    )
    def test_bigquery_credentials_that_do_more_than_identify(self, api: Api, credentials: Any) -> None:
        for value in (credentials, json.dumps(credentials)):
            config = {"project": "acme", "dataset": "d", "credentials": value}
            errors = field_errors(api.test({"type": "bigquery", "config": config}))
            assert all(field.startswith("config.credentials") for field in errors)

    @pytest.mark.parametrize("as_text", [False, True])
    def test_the_key_of_a_service_account_reaches_the_connector(self, api: Api, as_text: bool) -> None:
        key = {
            "type": "service_account",
            "project_id": "acme",
            "private_key": "-----BEGIN PRIVATE KEY-----\ncanary-91c4\n-----END PRIVATE KEY-----\n",
            "client_email": "loader@acme.iam.gserviceaccount.com",
            "token_uri": "https://oauth2.googleapis.com/token",
            "universe_domain": "evil.test",
        }
        config = {"project": "acme", "dataset": "d", "credentials": json.dumps(key) if as_text else key}

        response = api.test({"type": "bigquery", "config": config})

        assert failure(response)["code"] == "credentials.invalid"
        assert "private_key cannot be read" in failure(response)["message"]
        assert "canary-91c4" not in response.text


class TestForm:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "type"),
            ({"type": "postgres"}, ""),
            ({"type": "postgres", "connection": URL, "config": {}}, ""),
            ({"type": "postgres", "config": {"host": "h"}, "ssl": {"mode": "require"}}, "ssl"),
            ({"type": "postgres", "connection": URL, "ssl": {"mode": "maybe"}}, "ssl.mode"),
            ({"type": "postgres", "connection": URL, "ssl": {}}, "ssl.mode"),
            (
                {"type": "postgres", "connection": URL + "?sslmode=require", "ssl": {"mode": "disable"}},
                "connection",
            ),
            ({"type": "postgres", "connection": URL, "role": "both"}, "role"),
            ({"type": "bigquery", "connection": URL}, "connection"),
            ({"type": "bigquery", "config": {}, "role": "source"}, "role"),
            ({"type": "postgres", "connection": URL, "folder": "/tmp"}, "folder"),
            ({"type": 1, "connection": URL}, "type"),
            ([], ""),
            ("text", ""),
        ],
    )
    def test_what_is_wrong_is_named_without_the_value(self, api: Api, body: Any, field: str) -> None:
        response = api.test(body)

        assert field in field_errors(response)
        assert "pass@" not in response.text
        assert "input" not in response.json()["errors"][0]

    @pytest.mark.parametrize(
        ("content", "kind", "status"),
        [
            (b'{"type": "postgres"}', "text/plain", 415),
            (b"type=postgres", "application/x-www-form-urlencoded", 415),
            (b"", "application/json", 400),
            (b"{", "application/json", 400),
            (b"\xff\xfe", "application/json", 400),
            (b"[" * 20_000, "application/json", 400),
            (b'{"type": "' + b"x" * 70_000 + b'"}', "application/json", 413),
            (b'{"type": "\\ud800", "config": {}}', "application/json", 422),
        ],
    )
    def test_bodies_that_are_no_request(self, api: Api, content: bytes, kind: str, status: int) -> None:
        response = requests.post(
            api.url + "/api/v1/connectors/test", data=content, headers={"Content-Type": kind}, timeout=120
        )

        assert response.status_code == status
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["status"] == status


def test_more_tests_than_places(make_api: MakeApi, silent_server: int) -> None:
    api = make_api(egress=LOOPBACK, test_timeout=4, limits=Limits(Places(1), Places(1)))
    body = {"type": "postgres", "connection": f"postgresql://u:p@127.0.0.1:{silent_server}/db"}
    answers: list[requests.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(api.test(body))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [200, 429, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.headers["Retry-After"] == "4"
    assert refused.json()["code"] == "tests.busy"
    # The place is given back.
    assert api.test(body).status_code == 200


def test_an_error_of_the_server_tells_nothing(make_api: MakeApi, caplog: pytest.LogCaptureFixture) -> None:
    api = make_api("connectors: {users_db: {type: postgres, role: source}}\n")
    database = Path(api.instance.root_directory) / "history" / "runs" / "index.db"
    for file in (Path(api.instance.root_directory)).rglob("*.db"):
        file.write_bytes(b"canary-77 is no database")

    response = api.get("/api/v1/connectors")

    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "internal"
    assert os.fspath(database) not in response.text
    assert "Traceback" not in response.text
    assert "SELECT" not in response.text + caplog.text
    assert "DatabaseError" in caplog.text
