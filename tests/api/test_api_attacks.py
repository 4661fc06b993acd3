"""The attacks that the API must survive, carried out on a running server.

Others are where the feature is tested: spellings of addresses in test_api_egress.py; libpq's parameters, PG*
variables and Google credentials in test_api_connection_test.py; registration in test_api_registration.py;
keys in test_api_keys.py.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.keys import KeyStore
from acme_orchestration.registry.registered import Registry
from api.access.keys import KeyRing
from api.probing.egress import EgressPolicy
from api.quotas.limits import Limits, Places
from tests.api.client import Api
from tests.api.rogues import ROGUES, hang, hang_up, rogue
from tests.servers import DatabaseServer

MakeApi = Callable[..., Api]
LOOPBACK = EgressPolicy.parse("127.0.0.0/8")
PASSWORD = "canary-a81f"


def postgres_at(port: int, host: str = "127.0.0.1") -> dict[str, Any]:
    return {"type": "postgres", "connection": f"postgresql://u:{PASSWORD}@{host}:{port}/db"}


def test_servers_that_mean_harm(make_api: MakeApi, caplog: pytest.LogCaptureFixture) -> None:
    places = 2 * len(ROGUES)
    api = make_api(egress=LOOPBACK, test_timeout=5, limits=Limits(Places(places), Places(places)))
    with ExitStack() as stack, ThreadPoolExecutor(len(ROGUES)) as pool:
        servers = {name: stack.enter_context(rogue(behave)) for name, behave in ROGUES.items()}
        answers = {name: pool.submit(api.test, postgres_at(server.port)) for name, server in servers.items()}
        found = {name: answer.result() for name, answer in answers.items()}

    for name, response in found.items():
        assert response.status_code == 200, (name, response.text)
        error = response.json()["data"]["error"]
        assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", error["code"]), (name, error)
        assert error["code"] != "internal", name
        assert len(response.content) < 4096, name
        assert (error["message"] + (error["hint"] or "")).isprintable(), name
        for secret in (PASSWORD, "Traceback", "169.254.169.254"):
            assert secret not in response.text + caplog.text, (name, secret)
    assert {found[name].json()["data"]["error"]["code"] for name in ("hangs", "drips")} == {"timeout"}
    assert "********" in found["tells the password"].json()["data"]["error"]["message"]
    assert api.get("/api/v1/connectors").status_code == 200


def test_a_name_that_leads_elsewhere_the_second_time(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer is an open address, all others are closed ones: DNS rebinding."""
    real, asked = socket.getaddrinfo, []

    def rebinding(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host != "rebind.test":
            return real(host, *args, **kwargs)
        asked.append(host)
        return real("127.0.0.2" if len(asked) == 1 else "127.0.0.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    api = make_api(egress=EgressPolicy.parse("127.0.0.2/32"))
    with rogue(hang_up, "127.0.0.2") as checked, rogue(hang_up, "127.0.0.1", checked.port) as other:
        first = api.test(postgres_at(checked.port, "rebind.test"))
        assert first.json()["data"]["error"]["code"] != "egress.refused"
        assert len(asked) == 1
        assert (len(checked.heard) > 0, other.heard) == (True, [])

        second = api.test(postgres_at(checked.port, "rebind.test"))
        assert second.json()["data"]["error"]["code"] == "egress.refused"
        assert other.heard == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "017700000001", "0x7f.1", "0", "[::ffff:127.0.0.1]", "localhost"]
)
def test_the_server_itself_in_every_spelling(make_api: MakeApi, postgres: DatabaseServer, host: str) -> None:
    """Neither its own port nor its database, and no way to tell an open port from a closed one."""
    api = make_api()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        ports = (int(api.url.rpartition(":")[2]), postgres.port, unused.getsockname()[1])
        answers = [api.test(postgres_at(port, host)).json()["data"] for port in ports]

    for answer in answers:
        (step,) = answer["steps"]
        del step["latency_ms"]  # of asking for the name, before any port matters
        assert answer == answers[0]
    assert answers[0]["error"]["code"] == "egress.refused"


@pytest.mark.parametrize(
    "scheme",
    ["sqlite", "sqlite+pysqlite", "duckdb", "shillelagh", "file", "mysql", "mysql+pymysql", "mssql+pyodbc",
     "jdbc:postgresql", "postgresql+psycopg", "POSTGRESQL+asyncpg", "oracle", "gopher",
     "http", "redis", "bigquery", "s3", "service"],
)  # fmt: skip
def test_no_other_scheme(make_api: MakeApi, scheme: str) -> None:
    response = make_api().test(
        {"type": "postgres", "connection": f"{scheme}://u:{PASSWORD}@127.0.0.1/etc/passwd"}
    )

    assert response.status_code == 422
    assert PASSWORD not in response.text


@pytest.mark.parametrize(
    "name",
    ["%2e%2e%2fx", "..%2f..%2fx", "x%00y", "x%0d%0aSet-Cookie:a=b", "{0.__class__}", "%25s", "x" * 5000],
)
def test_names_that_mean_something_else(make_api: MakeApi, name: str) -> None:
    api = make_api(registry=None)

    for method, path in (
        ("GET", f"{name}/health"),
        ("POST", f"{name}/test"),
        ("PATCH", name),
        ("DELETE", name),
    ):
        body = {} if method in ("POST", "PATCH") else None
        response = requests.request(method, f"{api.url}/api/v1/connectors/{path}", json=body, timeout=120)
        assert response.status_code in (404, 405, 503), response.text
        assert response.headers["Content-Type"] == "application/problem+json"
        assert "Set-Cookie" not in response.headers


def test_documents_that_are_too_deep(make_api: MakeApi) -> None:
    api = make_api()
    for depth, status in ((20, 422), (40, 400), (5000, 400)):
        text = '{"type": "postgres", "config": ' + '{"a":' * depth + "1" + "}" * depth + "}"
        for path in ("/api/v1/connectors/test", "/api/v1/connectors"):
            response = requests.post(
                api.url + path, data=text, headers={"Content-Type": "application/json"}, timeout=120
            )
            assert response.status_code == status, response.text


def test_pages_of_other_sites(make_api: MakeApi) -> None:
    api = make_api()
    foreign = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}

    sent = requests.post(api.url + "/api/v1/connectors/x/test", headers=foreign, timeout=120)
    assert (sent.status_code, sent.json()["code"]) == (403, "origin.refused")
    asked = requests.options(
        api.url + "/api/v1/connectors/test",
        headers=foreign | {"Access-Control-Request-Method": "POST"},
        timeout=120,
    )
    assert not [name for name in asked.headers if name.startswith("Access-Control-")]


def test_neither_one_caller_nor_one_target_takes_all_places(
    make_api: MakeApi, tmp_path: Path, postgres: DatabaseServer
) -> None:
    store = KeyStore(RegistryDatabase(f"sqlite:///{tmp_path / 'registry.db'}"))
    keys = {name: store.create(name, ["test"], actor="x") for name in ("ann", "bob", "cy")}
    api = make_api(
        registry=Registry(RegistryDatabase(f"sqlite:///{tmp_path / 'registry.db'}")),
        keys=KeyRing(store),
        egress=LOOPBACK,
        test_timeout=30,
    )

    def test(name: str, body: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {keys[name]}"}
        return requests.post(api.url + "/api/v1/connectors/test", json=body, headers=headers, timeout=120)

    good = {"type": "postgres", "connection": postgres.connection_string("postgres")}
    with ThreadPoolExecutor(2) as pool, rogue(hang, "127.0.0.3") as silent:
        hanging = [pool.submit(test, name, postgres_at(silent.port, "127.0.0.3")) for name in ("ann", "ann")]
        for _ in hanging:
            assert silent.came.acquire(timeout=120)
        assert test("ann", good).status_code == 429
        at_target = test("bob", postgres_at(silent.port, "127.0.0.3"))
        assert (at_target.status_code, at_target.json()["code"]) == (429, "tests.busy")
        assert test("cy", good).json()["data"]["status"] == "connected"
    assert [answer.result().status_code for answer in hanging] == [200, 200]
