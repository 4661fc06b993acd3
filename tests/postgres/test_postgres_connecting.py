"""Connecting: what is found out, what fails and under which code, what has no say in it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from acme_sdk.connectors.postgres import PostgresDestination, PostgresSource
from acme_sdk.errors import AcmeError, FatalError, RetriableError
from acme_sdk.health import HealthStatus, check_health, is_failure
from acme_sdk.lifecycle import open_connector
from acme_sdk.steps import Steps
from tests.servers import DatabaseServer
from tests.tls_postgres import Authority, TlsPostgres, programs

Config = dict[str, Any]


def fields(server: DatabaseServer, database: str = "postgres", **changes: Any) -> Config:
    config = {
        "host": server.host,
        "port": server.port,
        "user": server.user,
        "password": server.password,
        "database": database,
    }
    return config | changes


def failure(config: Config) -> AcmeError:
    """What a connection test of the configuration raises."""
    with open_connector(PostgresSource, config) as source, pytest.raises(AcmeError) as caught:
        source.test_connection()
    return caught.value


@pytest.mark.parametrize("kind", [PostgresSource, PostgresDestination])
def test_health_and_connection_reports(
    kind: type[PostgresSource | PostgresDestination],
    postgres: DatabaseServer,
    database: str,
    run: Callable[..., None],
    query: Callable[[str], list[tuple[Any, ...]]],
) -> None:
    run("CREATE TABLE a (i int)", "CREATE SCHEMA s", "CREATE TABLE s.b (i int)", "CREATE VIEW v AS SELECT 1")
    with open_connector(kind, fields(postgres, database)) as connector:
        health, report = connector.health_check(), connector.test_connection()
    assert health.status is HealthStatus.HEALTHY
    ((version,),) = query("SHOW server_version")
    assert health.server_version == report.server_version == f"PostgreSQL {version.split()[0]}"
    assert health.latency_ms is not None
    assert (report.database, report.tables) == (database, 2)
    assert report.latency_ms is not None
    assert 0 <= report.latency_ms < 10_000


def test_a_wrong_password(postgres: DatabaseServer) -> None:
    error = failure(fields(postgres, password="canary-wrong-password"))
    assert (error.code, type(error)) == ("auth.failed", FatalError)
    assert "canary" not in f"{error}{error.hint}"
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_an_unknown_user_and_no_password_look_like_a_wrong_password(postgres: DatabaseServer) -> None:
    assert failure(fields(postgres, user="nobody")).code == "auth.failed"
    assert failure(fields(postgres, password="")).code == "auth.failed"


def test_an_unknown_database(postgres: DatabaseServer) -> None:
    assert failure(fields(postgres, "no_such_db")).code == "database.missing"
    # libpq would expand a database name that looks like connection parameters.
    assert failure(fields(postgres, "host=127.0.0.1 port=1")).code == "database.missing"


def test_a_port_that_nobody_listens_on(postgres: DatabaseServer) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and not listening
        error = failure(fields(postgres, port=bound.getsockname()[1]))
    assert (error.code, type(error)) == ("connect.refused", RetriableError)


def test_a_host_name_that_does_not_exist(postgres: DatabaseServer) -> None:
    assert failure(fields(postgres, host="no-such-host.invalid")).code == "dns.not_found"


def test_a_server_that_never_answers(postgres: DatabaseServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = failure(fields(postgres, port=silent.getsockname()[1], connect_timeout_s=2))
    assert error.code == "connect.timeout"


def test_something_else_than_postgres(postgres: DatabaseServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as web_server:

        def answer() -> None:
            connection, _ = web_server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        error = failure(fields(postgres, port=web_server.getsockname()[1], ssl={"mode": "require"}))
        thread.join()
    assert error.code == "connect.not_postgres"


def test_a_server_without_tls(postgres: DatabaseServer) -> None:
    assert failure(fields(postgres, ssl={"mode": "require"})).code == "tls.unsupported"


def test_a_user_that_may_not_connect(postgres: DatabaseServer, database: str) -> None:
    role = f"guest_{database}"
    postgres.execute(
        database,
        f"CREATE ROLE {role} LOGIN PASSWORD 'guest'",
        f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC",
    )
    assert failure(fields(postgres, database, user=role, password="guest")).code == "permission.denied"


def test_a_stopped_server_and_back(postgres: DatabaseServer) -> None:
    with open_connector(PostgresSource, fields(postgres)) as source:
        assert source.health_check().status is HealthStatus.HEALTHY
        postgres.stop()
        try:
            report = check_health(source)
            assert (report.status, report.code) == (HealthStatus.UNHEALTHY, "connect.refused")
        finally:
            postgres.start()
        assert source.health_check().status is HealthStatus.HEALTHY


def test_a_session_that_is_ended_while_it_reads(
    postgres: DatabaseServer, source: PostgresSource, run: Callable[..., None]
) -> None:
    run("CREATE TABLE big AS SELECT i, repeat('x', 500) AS t FROM generate_series(1, 300000) i")
    batches = source.extract_batches(source.stream("big"))
    next(batches)
    run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'acme-connectors'"
    )
    with pytest.raises(RetriableError) as caught:
        list(batches)
    assert caught.value.code == "server.gone"
    assert "big" in str(caught.value)


def test_teardown_closes_what_is_still_open(
    postgres: DatabaseServer, database: str, run: Callable[..., None]
) -> None:
    run("CREATE TABLE big AS SELECT i, repeat('x', 500) AS t FROM generate_series(1, 100000) i")
    with open_connector(PostgresSource, fields(postgres, database)) as source:
        batches = source.extract_batches(source.stream("big"))
        next(batches)
    with psycopg.connect(postgres.connection_string(database)) as connection:
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND datname = %s"
        connection.autocommit = True
        for _ in range(1200):
            if connection.execute(count, ("acme-connectors", database)).fetchone() == (0,):
                break
            threading.Event().wait(0.05)
        assert connection.execute(count, ("acme-connectors", database)).fetchone() == (0,)


def test_the_environment_has_no_say(
    postgres: DatabaseServer, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".pgpass").write_text(f"*:*:*:*:{postgres.password}\n")
    (tmp_path / ".pgpass").chmod(0o600)
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").write_text("rubbish")
    monkeypatch.setenv("HOME", str(tmp_path))
    surroundings = {
        "PGHOST": "/var/run/postgresql",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGDATABASE": "elsewhere",
        "PGUSER": "mallory",
        "PGPASSWORD": postgres.password,
        "PGPASSFILE": str(tmp_path / ".pgpass"),
        "PGSERVICEFILE": str(tmp_path / "services"),
        "PGOPTIONS": "-c search_path=evil",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/nonexistent",
        "PGSSLCERT": "/nonexistent",
        "PGREQUIREAUTH": "none",
        "PGTARGETSESSIONATTRS": "standby",
        "PGCLIENTENCODING": "LATIN1",
        "PGAPPNAME": "evil",
        "PGTZ": "Asia/Tokyo",
        "PGDATESTYLE": "German",
    }
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    with open_connector(PostgresSource, fields(postgres, database)) as source:
        assert source.test_connection().database == database
    # Neither the variable nor the file may supply the password that the configuration lacks.
    assert failure(fields(postgres, database, password="")).code == "auth.failed"


def test_a_service_in_the_environment_is_refused(
    postgres: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    error = failure(fields(postgres))
    assert error.code == "config.environment"
    assert "PGSERVICE" in str(error)


@pytest.fixture(scope="module")
def tls() -> Iterator[TlsPostgres]:
    folder = programs()
    if folder is None:
        pytest.skip("needs a Postgres with OpenSSL: install the system's package postgresql")
    server = TlsPostgres(folder, Authority("Right"), password="tls-password")
    server.start()
    yield server
    server.stop()


def tls_config(server: TlsPostgres, mode: str, ca: str | None, **changes: Any) -> Config:
    ssl = {"mode": mode} | ({"ca": ca} if ca else {})
    return {
        "host": "localhost",
        "hostaddr": "127.0.0.1",
        "port": server.port,
        "user": server.user,
        "password": server.password,
        "database": server.database,
        "ssl": ssl,
    } | changes


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_the_right_authority(tls: TlsPostgres, mode: str) -> None:
    with open_connector(PostgresSource, tls_config(tls, mode, tls.authority.pem)) as source:
        version = source.test_connection().server_version
    assert version is not None
    assert version.startswith("PostgreSQL ")


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
@pytest.mark.parametrize("ca", [Authority("Wrong").pem, None], ids=["another authority", "the system's"])
def test_the_wrong_authority(tls: TlsPostgres, mode: str, ca: str | None) -> None:
    assert failure(tls_config(tls, mode, ca)).code == "tls.untrusted"


def test_the_wrong_host_name(tls: TlsPostgres) -> None:
    pem = tls.authority.pem
    assert failure(tls_config(tls, "verify-full", pem, host="db.example.com")).code == "tls.host_mismatch"
    with open_connector(PostgresSource, tls_config(tls, "verify-ca", pem, host="db.example.com")) as source:
        assert source.health_check().status is HealthStatus.HEALTHY


def steps(config: Config) -> str:
    """The steps of a check, the one that failed in brackets."""
    noted = Steps()
    with open_connector(PostgresSource, config, steps=noted) as source:
        report = check_health(source)
    taken = noted.taken(failed=is_failure(report))
    return " ".join(f"[{step.name}]" if step.result == "failed" else step.name for step in taken)


def test_a_check_says_its_steps(postgres: DatabaseServer, tls: TlsPostgres) -> None:
    good, secure = fields(postgres), tls_config(tls, "verify-full", tls.authority.pem)
    demanding = {"ssl": {"mode": "require"}}
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        silent = {"port": listening.getsockname()[1], "connect_timeout_s": 2}
        assert steps(good) == "resolve connect authenticate query"  # without TLS, since it is not there
        assert steps(secure) == "connect tls authenticate query"  # its address is given
        assert steps(good | {"host": "no-such-host.invalid"}) == "[resolve]"
        assert steps(good | {"port": closed.getsockname()[1]}) == "resolve [connect]"
        assert steps(good | silent) == "resolve [connect]"
        assert steps(good | silent | demanding) == "resolve connect [tls]"
    assert steps(good | demanding) == "resolve connect [tls]"
    assert steps(secure | {"host": "db.example.com"}) == "connect [tls]"
    assert steps(good | {"password": "wrong"}) == "resolve connect [authenticate]"
    assert steps(secure | demanding | {"password": "wrong"}) == "connect tls [authenticate]"
