"""Registering, changing and deleting connectors over HTTP, with what is refused and why."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.keys import KeyStore
from acme_orchestration.registry.registered import Registry
from api.access.keys import KeyRing
from api.probing.egress import EgressPolicy
from api.state.patch import merged
from tests.api.client import Api
from tests.registry.conftest import TICKETS
from tests.servers import DatabaseServer

MakeApi = Callable[..., Api]
PATH = "/api/v1/connectors"
DECLARED = "connectors: {warehouse: {type: duckdb, role: destination, config: {path: w.duckdb}}}\n"
DESK: dict[str, Any] = {
    "name": "desk",
    "type": "tickets",
    "role": "source",
    "config": {"url": "up", "token": {"env": "DESK_TOKEN"}, "page_size": 50},
}
USERS: dict[str, Any] = {
    "name": "users_db",
    "type": "postgres",
    "role": "source",
    "config": {"host": "127.0.0.1", "database": "u", "user": "r", "password": {"env": "USERS_PASSWORD"}},
}


def send(
    api: Api, method: str, path: str, body: Any = None, tag: str | None = None, **headers: str
) -> requests.Response:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if tag is not None:
        headers["If-Match"] = tag
    return requests.request(method, api.url + path, json=body, headers=headers, timeout=120)


def refused(response: requests.Response, status: int, code: str) -> dict[str, str]:
    """Return what is wrong with which field."""
    assert (response.status_code, response.json().get("code")) == (status, code), response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    return {error["field"]: error["message"] for error in response.json().get("errors", [])}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(RegistryDatabase(f"sqlite:///{tmp_path / 'registry.db'}"))


@pytest.fixture
def api(make_api: MakeApi, registry: Registry) -> Api:
    """A server with a declared connector and a type ``tickets``."""
    api = make_api(DECLARED, registry=registry, egress=EgressPolicy.parse("127.0.0.0/8"))
    (api.workspace_file.parent / "connectors").mkdir()
    (api.workspace_file.parent / "connectors" / "tickets.py").write_text(TICKETS)
    return api


def test_the_life_of_a_connector(api: Api, registry: Registry) -> None:
    made = send(api, "POST", PATH, DESK)
    assert made.status_code == 201, made.text
    assert made.headers["Location"] == f"{PATH}/desk"
    data = made.json()["data"]
    assert {field: data[field] for field in DESK} == DESK
    assert api.get(f"{PATH}/desk").json() == made.json()
    first = made.headers["ETag"]

    assert [item["name"] for item in api.get(PATH).json()["data"]] == ["warehouse", "desk"]
    again = send(api, "POST", PATH, DESK)
    assert (again.status_code, again.headers["ETag"]) == (200, first)
    refused(send(api, "POST", PATH, {**DESK, "disabled": True}), 409, "connector.exists")

    refused(send(api, "PATCH", f"{PATH}/desk", {"disabled": True}), 428, "version.required")
    refused(send(api, "PATCH", f"{PATH}/desk", {"disabled": True}, '"v0"'), 412, "registry.conflict")
    patch = {"config": {"page_size": None}, "description": "Help desk"}
    changed = send(api, "PATCH", f"{PATH}/desk", patch, f'"other", {first}')
    assert changed.status_code == 200, changed.text
    assert changed.json()["data"]["config"] == {"url": "up", "token": {"env": "DESK_TOKEN"}}
    assert changed.json()["data"]["description"] == "Help desk"
    assert changed.headers["ETag"] != first

    refused(send(api, "DELETE", f"{PATH}/desk"), 428, "version.required")
    refused(send(api, "DELETE", f"{PATH}/desk", tag=first), 412, "registry.conflict")
    gone = send(api, "DELETE", f"{PATH}/desk", tag=changed.headers["ETag"])
    assert (gone.status_code, gone.content) == (204, b"")
    refused(send(api, "DELETE", f"{PATH}/desk", tag="*"), 404, "connector.unknown")
    assert [item["name"] for item in api.get(PATH).json()["data"]] == ["warehouse"]

    trail = [
        (change.actor, change.action, (change.after or {}).get("result")) for change in registry.history()
    ]
    assert trail[-2:] == [("local", "refused register", "connector.exists"), ("local", "register", None)]
    assert [action for _, action, _ in trail[:3]] == ["refused delete", "delete", "refused delete"]


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"name": "../../x"}, 422, "request.invalid", "name"),
        ({"name": "a\r\nb"}, 422, "request.invalid", "name"),
        ({"name": "x" * 64}, 422, "request.invalid", "name"),
        ({"name": "warehouse"}, 409, "connector.declared", None),
        ({"name": "ware-house", "type": "duckdb", "role": "both"}, 422, "request.invalid", "role"),
        ({"type": "../tickets"}, 422, "request.invalid", "type"),
        ({"type": "os"}, 422, "type.unknown", "type"),
        ({"role": "destination"}, 422, "type.no_role", "type"),
        ({"config": {"url": "up", "token": "canary-8"}}, 422, "secret.literal", "config.token"),
        ({"config": {"url": "up", "token": "********"}}, 422, "secret.literal", "config.token"),
        ({"config": {"url": "up"}}, 422, "config.invalid", "config.token"),
        ({"config": {**DESK["config"], "page_size": "many"}}, 422, "config.invalid", "config.page_size"),
        ({"config": {**DESK["config"], "url": "a\x00b"}}, 422, "request.invalid", "config"),
        ({"config": {**DESK["config"], "url": "\ud800"}}, 422, "request.invalid", "config"),
        ({"check_interval_s": 10**30}, 422, "request.invalid", "check_interval_s"),
        ({"disabled": 0}, 422, "request.invalid", "disabled"),
        ({"check_interval_s": "60"}, 422, "request.invalid", "check_interval_s"),
        ({"owner": "x\ny"}, 422, "request.invalid", "owner"),
        ({"fault": "none"}, 422, "request.invalid", "fault"),
        ({"version": 3}, 422, "request.invalid", "version"),
        (
            {"type": "duckdb", "role": "destination", "config": {"path": "/etc/x"}},
            422,
            "request.invalid",
            "config.path",
        ),
        (
            {"type": "parquet", "role": "destination", "config": {"path": "a/../../x"}},
            422,
            "request.invalid",
            "config.path",
        ),
        (
            {**USERS, "config": {**USERS["config"], "host": "169.254.169.254"}},
            422,
            "request.invalid",
            "config.host",
        ),
        (
            {**USERS, "config": {**USERS["config"], "host": "0xa9fea9fe"}},
            422,
            "request.invalid",
            "config.host",
        ),
        (
            {**USERS, "config": {**USERS["config"], "host": "/var/run/postgresql"}},
            422,
            "request.invalid",
            "config.host",
        ),
        (
            {**USERS, "config": {**USERS["config"], "hostaddr": "10.0.0.1"}},
            422,
            "request.invalid",
            "config.hostaddr",
        ),
        ({**USERS, "config": {**USERS["config"], "service": "x"}}, 422, "config.invalid", "config.service"),
    ],
)
def test_what_is_refused(
    api: Api, registry: Registry, changes: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    response = send(api, "POST", PATH, DESK | changes)

    errors = refused(response, status, code)
    assert field is None or field in errors, errors
    assert "canary-8" not in response.text + str(registry.history())
    assert str(api.workspace_file.parent) not in response.text
    assert not registry.contents().connectors


def test_a_secret_stays_as_it_is_but_does_not_come_along(api: Api) -> None:
    tag = send(api, "POST", PATH, USERS).headers["ETag"]

    def patch(config: dict[str, Any], tag: str) -> requests.Response:
        return send(api, "PATCH", f"{PATH}/users_db", {"config": config}, tag)

    moved = {"host": "127.0.0.2"}
    for more in ({}, {"password": "********"}):
        errors = refused(patch(moved | more, tag), 422, "request.invalid")
        assert list(errors) == ["config.password"]
        assert "does not come along" in errors["config.password"]
    assert "config.password" in refused(patch({"port": 5433}, tag), 422, "request.invalid")
    assert "config.ssl.mode" in refused(patch({"ssl": {"mode": "********"}}, tag), 422, "request.invalid")
    refused(patch({"password": "canary"}, tag), 422, "secret.literal")
    refused(patch(moved | {"host": "10.0.0.1", "password": {"env": "X"}}, tag), 422, "request.invalid")

    kept = patch({"read_connections": 3, "password": "********"}, tag)
    assert kept.json()["data"]["config"] == {**USERS["config"], "read_connections": 3}
    sent = patch(moved | {"password": {"env": "USERS_PASSWORD"}}, kept.headers["ETag"])
    assert sent.status_code == 200, sent.text
    assert sent.json()["data"]["config"]["host"] == "127.0.0.2"


def test_the_declared_are_changed_in_the_file(api: Api) -> None:
    for method in ("PATCH", "DELETE"):
        response = send(api, method, f"{PATH}/warehouse", {"disabled": True}, "*")
        refused(response, 409, "connector.declared")
        assert str(api.workspace_file.parent) not in response.text


def test_a_request_that_is_sent_once_more(
    make_api: MakeApi, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = KeyStore(registry.database)
    ann, bob = (f"Bearer {store.create(name, ['write'], actor='x')}" for name in ("ann", "bob"))
    api = make_api(registry=registry, keys=KeyRing(store))
    lake = {"name": "lake", "type": "parquet", "role": "destination", "config": {"path": "lake"}}

    first = send(api, "POST", PATH, lake, Idempotency_Key="k", Authorization=ann)
    assert first.status_code == 201, first.text
    assert send(api, "DELETE", f"{PATH}/lake", tag="*", Authorization=ann).status_code == 204
    second = send(api, "POST", PATH, lake, Idempotency_Key="k", Authorization=ann)
    assert (second.status_code, second.content) == (201, first.content)
    assert {h: second.headers[h] for h in ("ETag", "Location")} == {
        h: first.headers[h] for h in ("ETag", "Location")
    }
    assert registry.contents().connectors == []

    other = send(api, "POST", PATH, {**lake, "disabled": True}, Idempotency_Key="k", Authorization=ann)
    refused(other, 422, "idempotency.reused")
    for key in ("", "x" * 256, "\xe9"):
        refused(
            send(api, "POST", PATH, lake, Idempotency_Key=key, Authorization=ann), 400, "idempotency.invalid"
        )
    # What was refused is not kept; another caller's keys are others.
    refused(
        send(api, "POST", PATH, {**lake, "type": "x"}, Idempotency_Key="l", Authorization=ann),
        422,
        "type.unknown",
    )
    assert send(api, "POST", PATH, lake, Idempotency_Key="l", Authorization=ann).status_code == 201
    assert send(api, "POST", PATH, lake, Idempotency_Key="k", Authorization=bob).status_code == 200
    monkeypatch.setattr("acme_orchestration.registry.answers._KEPT", timedelta(0))
    assert send(api, "POST", PATH, lake, Idempotency_Key="k", Authorization=ann).status_code == 200


def test_of_two_at_once_one_is_told(api: Api) -> None:
    tag = send(api, "POST", PATH, DESK).headers["ETag"]
    found: list[int] = []

    def change(text: str) -> None:
        found.append(send(api, "PATCH", f"{PATH}/desk", {"description": text}, tag).status_code)

    threads = [threading.Thread(target=change, args=(f"by {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == [200, 412, 412, 412]


def test_without_a_registry_and_without_its_database(make_api: MakeApi, postgres: DatabaseServer) -> None:
    refused(send(make_api(), "POST", PATH, DESK), 503, "registry.nowhere")
    url = postgres.connection_string(postgres.create_database())
    api = make_api(DECLARED, registry=Registry(RegistryDatabase(url)))
    postgres.stop()
    try:
        response = send(api, "POST", PATH, USERS | {"config": {}})
        refused(response, 503, "registry.unavailable")
        assert postgres.password not in response.text
        assert str(postgres.port) not in response.text
    finally:
        postgres.start()


JSON = st.recursive(
    st.integers() | st.text(max_size=3).filter(lambda text: text != "********") | st.booleans(),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
)


@given(
    st.dictionaries(st.sampled_from("abc"), JSON), st.dictionaries(st.sampled_from("abc"), JSON | st.none())
)
def test_a_patch_changes_what_it_names_alone(old: dict[str, Any], patch: dict[str, Any]) -> None:
    new = merged(old, patch)

    assert merged(new, patch) == new
    assert merged(old, {}) == old
    for field in "abc":
        if field not in patch:
            assert new.get(field) == old.get(field)
        elif patch[field] is None:
            assert field not in new
        elif not isinstance(patch[field], dict):
            assert new[field] == patch[field]
