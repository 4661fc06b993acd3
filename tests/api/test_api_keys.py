"""Keys, scopes and the audit trail, on a running server and by command."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from click.testing import CliRunner, Result

from acme.cli import main
from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.errors import RegistryUnavailableError
from acme_orchestration.registry.keys import SCOPES, KeyStore, Scope
from acme_orchestration.registry.registered import Registry
from acme_orchestration.registry.tables import api_keys
from acme_sdk.errors import ConfigurationError
from api.access.keys import KeyRing
from tests.api.client import Api
from tests.servers import DatabaseServer

MakeApi = Callable[..., Api]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(RegistryDatabase(f"sqlite:///{tmp_path / 'registry.db'}"))


def request(api: Api, method: str, path: str, key: str | None = None, **options: Any) -> requests.Response:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return requests.request(method, api.url + path, headers=headers, timeout=120, **options)


def test_each_scope_opens_its_routes_alone(make_api: MakeApi, registry: Registry) -> None:
    store = KeyStore(registry.database)
    keys = {scope: store.create(scope, [scope], actor="ann") for scope in SCOPES}
    api = make_api(registry=registry, keys=KeyRing(store))
    test = {"type": "postgres", "connection": "postgresql://u:canary-3@127.0.0.1:5432/db"}
    routes: list[tuple[str, str, Scope, dict[str, Any]]] = [
        ("GET", "/api/v1/connectors", "read", {}),
        ("GET", "/api/v1/pipelines", "read", {}),
        ("GET", "/nothing", "read", {}),
        ("POST", "/api/v1/connectors/test", "test", {"json": test}),
        # What is not there is not told to those who could not use it.
        ("POST", "/nothing", "write", {"json": {}}),
    ]
    for method, path, needed, options in routes:
        for scope, key in keys.items():
            answer = request(api, method, path, key, **options)
            if scope == needed:
                assert answer.status_code in (200, 404)
            else:
                assert (answer.status_code, answer.json()["code"]) == (403, "auth.scope"), (path, scope)
                assert answer.headers["Content-Type"] == "application/problem+json"

    (line,) = registry.history("connection")
    assert (line.actor, line.action, line.name) == ("test", "test", "postgres")
    assert line.after == {"role": "source", "host": "127.0.0.1", "port": 5432, "result": "egress.refused"}
    assert registry.revision() == 0  # no reason for Dagster to load anything again


def test_what_tells_nothing_about_connectors_takes_no_key(make_api: MakeApi, registry: Registry) -> None:
    store = KeyStore(registry.database)
    store.create("ann", ["read"], actor="ann")
    api = make_api(
        "connectors: {canary_db: {type: postgres, role: source}}\n", registry=registry, keys=KeyRing(store)
    )

    for path in ("/", "/page/app.js", "/docs", "/docs/start.js", "/openapi.json", "/livez", "/readyz"):
        answer = request(api, "GET", path)
        assert answer.status_code == 200, path
        assert "canary_db" not in answer.text
    assert request(api, "GET", "/page/../api/v1/connectors").status_code == 401
    assert request(api, "GET", "/page/nothing.js", "wrong").status_code == 404


def test_no_answer_tells_whether_a_key_exists(make_api: MakeApi, registry: Registry) -> None:
    store = KeyStore(registry.database)
    key, revoked = (store.create(name, SCOPES, actor="ann") for name in ("good", "bad"))
    store.revoke("bad", actor="ann")
    api = make_api(registry=registry, keys=KeyRing(store))
    other = key[:-1] + ("A" if key[-1] != "A" else "B")

    headers = [None, "Bearer", "Bearer ", f"Bearer {revoked}", f"Bearer {other}", f"Basic {key}", key]
    headers += [
        f"Bearer acme_{'0' * 12}_{key[-43:]}",
        "Bearer \xe9",
        f"Bearer {key} {key}",
        "Bearer " + "x" * 9000,
    ]
    answers = []
    for path in ("/api/v1/connectors", "/nothing"):
        for value in headers:
            sent = {"X-Request-Id": "same"} | ({} if value is None else {"Authorization": value})
            answers.append(requests.get(api.url + path, headers=sent, timeout=120))

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["code"] == "auth.required"
    assert answers[0].headers["WWW-Authenticate"].startswith("Bearer")
    assert request(api, "GET", "/api/v1/connectors", key).status_code == 200


def test_of_a_key_only_its_digest_is_stored(registry: Registry) -> None:
    store = KeyStore(registry.database)
    key = store.create("ann@example.com", ["read"], actor="ann")

    with registry.database.reading() as connection:
        (row,) = connection.execute(sa.select(api_keys)).mappings()
    assert re.fullmatch(r"acme_[0-9a-f]{12}_[\w-]{43}", key)
    assert key[-43:] not in str(dict(row)) + str(registry.history()) + repr(store.all())
    assert [store.create("bob", ["read"], actor="ann") == key, len(store.all())] == [False, 2]
    for name, code in (("bob", "name.taken"), ("", "name.invalid"), ("a\nb", "name.invalid")):
        with pytest.raises(ConfigurationError) as caught:
            store.create(name, ["read"], actor="ann")
        assert caught.value.code == code


def test_the_first_key_shuts_the_door_for_good(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("api.access.keys._FRESH_S", 0.0)
    store = KeyStore(registry.database)
    ring = KeyRing(store)
    assert not ring.is_required()
    key = store.create("ann", ["read"], actor="ann")
    assert ring.is_required()
    assert ring.find(key) is not None
    store.revoke("ann", actor="ann")
    store.revoke("ann", actor="ann")
    assert ring.find(key) is None
    assert KeyRing(store).is_required()
    (tmp_path / "registry.db").unlink()
    assert ring.is_required()


def test_keys_while_the_database_is_down(postgres: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.access.keys._FRESH_S", 0.0)
    store = KeyStore(RegistryDatabase(postgres.connection_string(postgres.create_database())))
    key = store.create("ann", ["read"], actor="ann")
    ring = KeyRing(store)
    assert ring.find(key) is not None
    postgres.stop()
    try:
        assert ring.find(key) is not None
        with pytest.raises(RegistryUnavailableError):
            KeyRing(store).is_required()
    finally:
        postgres.start()
    assert ring.find(key) is not None


def test_the_commands(tmp_path: Path) -> None:
    env = {"ACME_REGISTRY_URL": f"sqlite:///{tmp_path / 'registry.db'}"}

    def acme(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["api", *arguments], env=env)

    made = acme("keys", "create", "--scope", "read,write", "--name", "ci")
    assert made.exit_code == 0
    assert made.output.startswith("acme_")
    assert acme("keys", "create", "--scope", "all").exit_code == 2
    assert acme("keys", "create", "--scope", "read", "--name", "ci").exit_code == 1
    assert acme("keys", "revoke", "nobody").exit_code == 1
    assert acme("keys", "revoke", "ci").output == "Revoked ci.\n"
    listed = acme("keys", "list").output
    assert re.search(r"ci +acme_[0-9a-f]{12}_… +read,write .* revoked ", listed)
    assert made.stdout.strip() not in listed
    trail = acme("audit").output
    assert re.search(r"revoke +ci\b[^$]*create +ci +scopes: \[\"read\", \"write\"\]", trail)
    # The only key is worth nothing any more.
    (tmp_path / "home").mkdir()
    (tmp_path / "connectors.yaml").write_text("connectors: {}\n")
    beyond = acme(
        *("--host", "0.0.0.0", "--dagster-home", str(tmp_path / "home")),
        *("--file", str(tmp_path / "connectors.yaml")),
    )
    assert beyond.exit_code == 2
    assert "loopback" in beyond.output


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_commands_find_the_home_of_the_server(tmp_path: Path, place: str) -> None:
    """Whatever the environment says: the command line comes first, also that of the group."""
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    option, command = ["--dagster-home", str(home)], ["keys", "create", "--scope", "read", "--name", "ci"]
    arguments = [*option, *command] if place == "before" else [*command, *option]

    made = CliRunner().invoke(main, ["api", *arguments], env={"DAGSTER_HOME": str(other)})

    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("acme_")
    assert str(home / "acme_registry.db") in made.stderr
    assert not other.exists()
    for at, names in ((home, ["ci"]), (other, [])):
        listed = CliRunner().invoke(main, ["api", "--dagster-home", str(at), "keys", "list"])
        assert re.findall(r"^(\w+) +acme_", listed.stdout, re.MULTILINE) == names
