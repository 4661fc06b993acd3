"""GET /api/v1/connectors/<name>/streams: of a database, of types of one's own, of those that misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from acme_orchestration.registration import Registrar
from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.registered import Registry
from api.probing.egress import EgressPolicy
from api.quotas.limits import Limits, Places
from tests.api.client import Api, running_api
from tests.servers import DatabaseServer

PASSWORD = "STREAMS_TEST_PASSWORD"
TICKETS = """
import os, time
import pyarrow as pa
from datetime import timedelta
from pathlib import Path
from acme.sdk import BatchSource, FatalError, Partition, Row, SourceConnector, Stream

class Tickets(SourceConnector):
    @classmethod
    def config_schema(cls):
        return {
            "order": {"type": "string", "default": "good"},
            "calls": {"type": "string", "default": os.devnull},
            "token": {"type": "string", "secret": True},
        }

    def setup(self, config):
        self.config = config

    def streams(self):
        with open(self.config["calls"], "a") as calls:
            calls.write("x")
        order = self.config["order"]
        if order == "hanging":
            time.sleep(4000)
        if order == "failing":
            raise FatalError(f"no luck with {self.config['token']}", code="auth.failed", hint="try another")
        if order == "crashing":
            os._exit(7)
        schema = pa.schema([pa.field("id", pa.int64(), nullable=False), ("at", pa.timestamp("us", "UTC"))])
        return [
            Stream("tickets", schema, ("id",), "at", overlap=timedelta(minutes=10), ordered=True),
            Stream("comments", cursor_field=("at", "id")),
        ]

    def partitions(self, stream):
        return [Partition("eu"), Partition("us")] if stream.name == "tickets" else []

    def extract(self, last_run=None):
        yield Row(id=1)
"""
WORKSPACE = """
connectors:
  users_db:
    type: postgres
    role: source
    config: {{host: {host}, port: {port}, database: {database}, user: {user}, password: {{env: {variable}}}}}
  exports: {{type: duckdb, role: destination, config: {{path: exports.duckdb}}}}
  tickets: {{type: tickets, role: source, config: {{calls: "{calls}"}}}}
  hanging: {{type: tickets, role: source, config: {{order: hanging}}}}
  crashing: {{type: tickets, role: source, config: {{order: crashing}}}}
  failing: {{type: tickets, role: source, config: {{order: failing, token: {{env: {variable}}}}}}}
  nowhere: {{type: postgres, role: source, config: {{database: d}}}}
  lacking: {{type: tickets, role: source, config: {{token: {{env: NO_SUCH_VARIABLE}}}}}}
  disabled: {{type: tickets, role: source, disabled: true}}
  wrong: {{type: tickets, role: source, wrong: true}}
"""


@pytest.fixture(scope="module")
def database(postgres: DatabaseServer) -> str:
    name = postgres.create_database()
    postgres.execute(name, "CREATE TABLE people (id int PRIMARY KEY, name text, born date NOT NULL)")
    return name


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, postgres: DatabaseServer, database: str) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("streams")
    with pytest.MonkeyPatch.context() as patch, running_api(folder / "api", test_timeout=4) as api:
        patch.setenv(PASSWORD, postgres.password)
        (folder / "api" / "connectors").mkdir()
        (folder / "api" / "connectors" / "tickets.py").write_text(TICKETS)
        api.edit(
            WORKSPACE.format(
                host=postgres.host,
                port=postgres.port,
                database=database,
                user=postgres.user,
                variable=PASSWORD,
                calls=folder / "calls",
            )
        )
        yield api


def streams(api: Api, name: str, query: str = "") -> requests.Response:
    return api.get(f"/api/v1/connectors/{name}/streams{query}")


def test_the_tables_of_a_database(api: Api, postgres: DatabaseServer) -> None:
    response = streams(api, "users_db")

    assert response.status_code == 200, response.text
    assert response.json()["data"] == [
        {
            "name": "people",
            "columns": [
                {"name": "id", "type": "int32", "nullable": False},
                {"name": "name", "type": "string", "nullable": True},
                {"name": "born", "type": "date32[day]", "nullable": False},
            ],
            "primary_key": ["id"],
            "cursor": [],
            "overlap": None,
            "ordered": False,
            "partitions": [],
        }
    ]
    assert response.json()["as_of"].endswith("Z")
    assert postgres.password not in response.text


def test_all_that_a_source_may_say_of_a_stream_and_for_how_long_it_is_kept(api: Api) -> None:
    calls = api.workspace_file.parent.parent / "calls"
    first = streams(api, "tickets").json()
    assert first["data"] == [
        {
            "name": "tickets",
            "columns": [
                {"name": "id", "type": "int64", "nullable": False},
                {"name": "at", "type": "timestamp[us, tz=UTC]", "nullable": True},
            ],
            "primary_key": ["id"],
            "cursor": ["at"],
            "overlap": "0:10:00",
            "ordered": True,
            "partitions": ["eu", "us"],
        },
        {
            "name": "comments",
            "columns": None,
            "primary_key": [],
            "cursor": ["at", "id"],
            "overlap": None,
            "ordered": False,
            "partitions": [],
        },
    ]
    assert streams(api, "tickets").json() == first
    assert calls.read_text() == "x"
    assert streams(api, "tickets", "?max_age=0").json()["data"] == first["data"]
    assert calls.read_text() == "xx"


def test_a_destination_has_none(api: Api) -> None:
    response = streams(api, "exports")
    assert (response.status_code, response.json()["data"]) == (200, [])


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("nobody", 404, "connector.unknown"),
        ("disabled", 409, "connector.disabled"),
        ("wrong", 409, "connector.unusable"),
        ("nowhere", 409, "config.invalid"),
        ("hanging", 504, "timeout"),
        ("crashing", 502, "crashed"),
        ("failing", 502, "auth.failed"),
        ("lacking", 502, "secret.missing"),
    ],
)
def test_what_cannot_be_asked_is_a_problem(
    api: Api, postgres: DatabaseServer, name: str, status: int, code: str
) -> None:
    response = streams(api, name)

    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert postgres.password not in response.text
    assert str(api.workspace_file.parent) not in response.text


def test_one_that_hangs_takes_no_place_for_good(make_api: Callable[..., Api]) -> None:
    api = make_api(
        "connectors:\n  hanging: {type: tickets, role: source, config: {order: hanging}}\n",
        test_timeout=3,
        limits=Limits(tests=Places(1), targets=Places(1)),
    )
    folder = api.workspace_file.parent / "connectors"
    folder.mkdir()
    (folder / "tickets.py").write_text(TICKETS)
    answers: list[requests.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(streams(api, "hanging"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [429, 504]
    assert next(one for one in answers if one.status_code == 429).headers["Retry-After"] == "3"


@pytest.fixture
def registered(
    make_api: Callable[..., Api], tmp_path: Path, postgres: DatabaseServer, database: str
) -> Callable[..., requests.Response]:
    """Ask a registered connector for its streams, on a server that may reach these addresses."""

    def ask(egress: str, type_name: str = "postgres", **changes: Any) -> requests.Response:
        registry = Registry(RegistryDatabase(f"sqlite:///{tmp_path}/registry.db"))
        api = make_api(registry=registry, egress=EgressPolicy.parse(egress))
        folder = api.workspace_file.parent / "connectors"
        folder.mkdir()
        (folder / "tickets.py").write_text(TICKETS)
        config: dict[str, Any] = {
            "host": postgres.host,
            "port": postgres.port,
            "database": database,
            "user": postgres.user,
            "password": {"env": PASSWORD},
        }
        body = {"type": type_name, "role": "source", "config": config if type_name == "postgres" else {}}
        body["config"] |= changes
        Registrar(api.workspace_file, registry).register("connector", "late", body, actor="ada")
        return streams(api, "late")

    return ask


def test_a_registered_source_is_asked_where_the_server_may_go(
    registered: Callable[..., requests.Response], monkeypatch: pytest.MonkeyPatch, postgres: DatabaseServer
) -> None:
    monkeypatch.setenv(PASSWORD, postgres.password)

    response = registered("127.0.0.0/8")

    assert [stream["name"] for stream in response.json()["data"]] == ["people"]


@pytest.mark.parametrize("field", ["host", "hostaddr"])
def test_a_registered_source_gets_no_connection_to_another_place(
    registered: Callable[..., requests.Response], field: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)  # the answer has come, and so would the connection
        response = registered("", **{field: "127.0.0.1"}, port=listener.getsockname()[1])
        with pytest.raises(TimeoutError):
            listener.accept()

    assert (response.status_code, response.json()["code"]) == (409, "egress.refused")


def test_a_registered_source_that_may_lead_anywhere_is_not_asked(
    registered: Callable[..., requests.Response],
) -> None:
    response = registered("127.0.0.0/8", "tickets")

    assert (response.status_code, response.json()["code"]) == (409, "streams.unchecked")
