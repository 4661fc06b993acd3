"""``acme.client`` against an ``acme api`` as it is started, and against servers that mean harm."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from acme.client import (
    ApiError,
    Client,
    ConflictError,
    ConnectorDraft,
    ConnectorPatch,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    ServerError,
    TestConnected,
    TestFailed,
    TestRequest,
    UnauthorizedError,
    UnreachableError,
)
from acme_sdk.errors import AcmeError, ConfigurationError
from tests.api.served import Served, served_api
from tests.sdk.http_server import Answer, Asked, Server, serving
from tests.servers import DatabaseServer


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_api(tmp_path_factory.mktemp("client")) as served:
        yield served


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.url, key=served.keys["all"]) as client:
        yield client


def test_what_there_is(client: Client) -> None:
    assert [connector.name for connector in client.connectors()] == ["users_db", "lake"]
    assert [connector.name for connector in client.connectors(page_size=1)] == ["users_db", "lake"]
    (lake,) = client.connectors(
        role="destination", type=["parquet", "duckdb"], status="unknown", sort="-name"
    )
    assert (lake.pipelines, lake.last_check, lake.health) == (["users-lake"], None, None)
    (shown,) = client.connectors(name=["lake", "nothing"], health=True)
    assert shown.health is not None
    assert client.counts() == {"healthy": 0, "degraded": 0, "unhealthy": 0, "unknown": 1, "disabled": 1}
    assert client.connector("users_db").config == {"host": "h", "database": "d", "user": "u"}
    assert client.health("users_db").uptime_30d.ratio is None
    assert [pipeline.name for pipeline in client.pipelines()] == ["users-lake"]
    assert client.pipeline("users-lake").streams[0].write_mode == "overwrite"
    assert client.streams("lake") == []
    with pytest.raises(ConflictError, match="disabled"):
        client.streams("users_db", max_age=0)
    types = {found.name: found for found in client.connector_types()}
    assert client.connector_type("parquet") == types["parquet"]
    assert types["parquet"].roles[0].config_schema["properties"]["path"]["type"] == "string"


def test_the_life_of_a_connector(client: Client) -> None:
    draft = ConnectorDraft(name="sea", type="parquet", role="destination", config={"path": "sea"})
    made = client.register(draft)
    assert client.register(draft) == made
    with pytest.raises(ConflictError) as taken:
        client.register(draft.model_copy(update={"disabled": True}))
    assert (taken.value.code, taken.value.status) == ("connector.exists", 409)
    assert taken.value.hint

    changed = client.change("sea", ConnectorPatch(owner="team:data"), version=made.version)
    assert (changed.owner, changed.config) == ("team:data", {"path": "sea"})
    with pytest.raises(ConflictError, match="changed meanwhile"):
        client.change("sea", ConnectorPatch(owner=None), version=made.version)
    with pytest.raises(RefusedError) as refused:
        client.change("sea", ConnectorPatch(config={"path": "/etc"}), version=None)
    assert [error.field for error in refused.value.errors] == ["config.path"]
    with pytest.raises(ConflictError):
        client.delete("sea", version=made.version)
    client.delete("sea", version=changed.version)
    with pytest.raises(NotFoundError):
        client.delete("sea", version=None)


def test_a_connection_that_is_tried(client: Client, postgres: DatabaseServer) -> None:
    good = client.test(TestRequest(type="postgres", connection=postgres.connection_string("postgres")))
    assert isinstance(good, TestConnected)
    assert good.tables is not None
    bad = client.test(TestRequest(type="postgres", connection="postgresql://u:p@10.0.0.1/db"))
    assert isinstance(bad, TestFailed)
    assert bad.error.code == "egress.refused"


def test_each_refusal_has_its_class(served: Served) -> None:
    calls: list[tuple[type[ApiError], str, Any]] = [
        (UnauthorizedError, "acme_000000000000_" + "x" * 43, lambda c: list(c.connectors())),
        (ForbiddenError, served.keys["read"], lambda c: c.delete("lake", version=None)),
        (ForbiddenError, served.keys["test"], lambda c: list(c.connectors())),
        (NotFoundError, served.keys["all"], lambda c: c.health("nothing")),
        (NotFoundError, served.keys["all"], lambda c: c.connector("a/../b?c#d\x00")),
        (NotFoundError, served.keys["all"], lambda c: c.run("nothing")),
        (NotFoundError, served.keys["all"], lambda c: c.connector_type("nothing")),
        (NotFoundError, served.keys["all"], lambda c: c.run_pipeline("nothing")),
        (RefusedError, served.keys["all"], lambda c: list(c.connectors(sort="size"))),
        (ServerError, served.keys["all"], lambda c: c.test_connector("lake", wait=1)),
    ]
    for kind, key, call in calls:
        with Client(served.url, key=key) as client, pytest.raises(kind) as caught:
            call(client)
        assert isinstance(caught.value, AcmeError)
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", caught.value.code), caught.value.code
        assert key[-20:] not in repr(caught.value) + str(caught.value) + repr(client)


def test_where_it_is_and_who_we_are_come_from_the_environment(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_API_URL", served.url + "/")
    monkeypatch.setenv("ACME_API_KEY", served.keys["read"] + "\n")
    with Client() as client:
        assert len(list(client.connectors())) == 2
    monkeypatch.delenv("ACME_API_URL")
    wrong: list[tuple[str, dict[str, str]]] = [
        ("url.missing", {}),
        ("url.invalid", {"url": "ftp://x"}),
        ("url.invalid", {"url": "https://u:canary@x"}),
        ("key.invalid", {"url": "http://x", "key": "canary\nb"}),
    ]
    for code, options in wrong:
        with pytest.raises(ConfigurationError) as caught:
            Client(**options)
        assert caught.value.code == code
        assert "canary" not in str(caught.value)


LISTED = {
    "name": "x", "type": "t", "role": "source", "status": "healthy", "last_check": None, "pipelines": [],
}  # fmt: skip
RUN = {"id": "r", "job": "j", "status": "STARTED", "created_at": "2026-02-15T10:28:00Z", "started_at": None}


def asked_of(server: Server) -> list[tuple[str, str]]:
    return [(asked.method, asked.path) for asked in server.asked]


def test_an_unchanged_page_is_not_sent_again() -> None:
    def respond(asked: Asked) -> Answer:
        if asked.headers.get("If-None-Match") == '"1"':
            return Answer(b"", 304, {"ETag": '"1"'})
        next_page = None if "cursor" in asked.query else "http://elsewhere.test/x?limit=9&cursor=c%3D"
        return Answer({"data": [LISTED | {"new": 1}], "next": next_page, "also": 2}, 200, {"ETag": '"1"'})

    with serving(respond) as server, Client(server.url, key="k") as client:
        first, second = ([one.name for one in client.connectors(q="a b")] for _ in range(2))

    assert (first, second) == (["x", "x"], ["x", "x"])
    assert [asked.query.get("cursor") for asked in server.asked] == [None, "c=", None, "c="]
    assert ["If-None-Match" in asked.headers for asked in server.asked] == [False, False, True, True]
    assert {asked.headers["Authorization"] for asked in server.asked} == {"Bearer k"}


def test_pages_are_asked_for_when_they_are_wanted() -> None:
    answer = Answer({"data": [LISTED], "next": "/api/v1/connectors?cursor=c"})
    with serving(lambda _: answer) as server, Client(server.url) as client:
        connectors = client.connectors()
        assert not server.asked
        assert (next(connectors).name, len(server.asked)) == ("x", 1)


def test_a_post_is_sent_again_under_the_same_key() -> None:
    def respond(asked: Asked) -> Answer:
        busy = {1: Answer(b"", 502), 2: Answer({}, 409, {"Retry-After": "0"})}
        return busy.get(len(server.asked), Answer({"data": {"id": "r", "job": "j", "status": "QUEUED"}}, 202))

    with serving(respond) as server, Client(server.url) as client:
        assert client.run_pipeline("a b").status == "QUEUED"

    assert asked_of(server) == [("POST", "/api/v1/pipelines/a%20b/run")] * 3
    (key,) = {asked.headers["Idempotency-Key"] for asked in server.asked}
    assert len(key) == 36


def test_what_could_be_done_twice_is_sent_once() -> None:
    with serving(lambda _: Answer(b"", 502)) as server, Client(server.url) as client:
        with pytest.raises(ServerError) as caught:
            client.change("x", ConnectorPatch(owner=None), version=7)
        with pytest.raises(ServerError):
            client.test(TestRequest(type="postgres", config={"password": "canary"}))

    assert (caught.value.code, caught.value.status) == ("http.502", 502)
    assert asked_of(server) == [("PATCH", "/api/v1/connectors/x"), ("POST", "/api/v1/connectors/test")]
    assert server.asked[0].headers["If-Match"] == '"v7"'
    assert json.loads(server.asked[0].body) == {"owner": None}


def test_a_limit_of_the_server_says_when_to_come_back() -> None:
    problem = {"type": "urn:x", "title": "t", "status": 429, "detail": "d", "code": "tests.busy", "later": 1}
    with (
        serving(lambda _: Answer(problem, 429, {"Retry-After": "0"})) as server,
        Client(server.url) as client,
        pytest.raises(RateLimitedError) as caught,
    ):
        client.test(TestRequest(type="postgres", config={}))

    assert (caught.value.retry_after, caught.value.code, caught.value.hint) == (0, "tests.busy", None)
    assert len(server.asked) == 3


def test_the_end_of_a_run_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.client.client._POLL_S", 0.01)

    def respond(asked: Asked) -> Answer:
        if asked.method == "POST":
            return Answer({"data": {"id": "r", "job": "j", "status": "QUEUED"}}, 202)
        ended = {"ended_at": "2026-02-15T10:29:00Z", "status": "FAILURE"} if len(server.asked) > 3 else {}
        return Answer({"data": RUN | {"ended_at": None} | ended})

    with serving(respond) as server, Client(server.url) as client:
        assert client.test_connector("x", wait=600).status == "FAILURE"
        assert client.test_connector("x").status == "QUEUED"

    assert [asked.query.get("wait") for asked in server.asked] == ["60", None, None, None, None]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nothing_goes_to_another_host(status: int) -> None:
    with serving(lambda _: Answer({})) as other:
        leading = Answer(b"", status, {"Location": f"{other.url}/x?key=canary"})
        with serving(lambda _: leading) as server, Client(server.url, key="canary") as client:
            for call in (
                lambda: client.connector("x"),
                lambda: client.test(TestRequest(type="postgres", config={"password": "canary"})),
            ):
                with pytest.raises(UnreachableError) as caught:
                    call()
                assert caught.value.code == "redirected"
                assert "canary" not in str(caught.value) + str(caught.value.hint)
        assert other.asked == []


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"data": {"name": 1}}', b""])
def test_what_is_no_answer_of_this_api(body: bytes) -> None:
    with (
        serving(lambda _: Answer(body)) as server,
        Client(server.url) as client,
        pytest.raises(UnreachableError) as caught,
    ):
        client.connector("x")
    assert caught.value.code == "answer.unexpected"


def test_nobody_answers() -> None:
    with serving(lambda _: Answer({})) as server:
        url = server.url
    with Client(url, key="canary") as client, pytest.raises(UnreachableError) as caught:
        client.pipelines()
    assert caught.value.code == "connect.refused"
    assert "canary" not in str(caught.value) + repr(client)


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("import acme.client; acme.client.Client('http://127.0.0.1:9').close()", 0),
        ("from acme.cli import main; main(['remote', 'types', '--url', 'http://127.0.0.1:9'])", 3),
    ],
)
def test_it_needs_neither_flask_nor_dagster(code: str, exit_code: int) -> None:
    bare = (
        "import sys\n"
        "absent = ('flask', 'flask_openapi', 'werkzeug', 'dagster', 'sqlalchemy', 'psycopg', 'alembic')\n"
        "sys.modules.update(dict.fromkeys(absent))\n"
        f"{code}\n"
        "heavy = {'pyarrow', 'acme_sdk.connectors', 'acme_sdk.sync'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", bare], capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stderr
    assert exit_code == 0 or "[connect.refused]" in done.stderr
