"""A disk that is full, a clock that is moved, a webserver that is down: nothing is lost or half written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.registered import Registry
from acme_orchestration.registry.tables import answers
from api.probing.egress import EgressPolicy
from tests.api.client import Api

MakeApi = Callable[..., Api]
PATH = "/api/v1/connectors"


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(RegistryDatabase(f"sqlite:///{tmp_path / 'registry.db'}"))


@pytest.fixture
def api(make_api: MakeApi, registry: Registry) -> Api:
    return make_api(registry=registry, egress=EgressPolicy.parse("127.0.0.0/8"))


def lake(name: str = "lake", description: str = "") -> dict[str, Any]:
    return {
        "name": name, "type": "parquet", "role": "destination", "config": {"path": name},
        "description": description,
    }  # fmt: skip


def register(api: Api, body: dict[str, Any], key: str | None = None) -> requests.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return requests.post(api.url + PATH, json=body, headers=headers, timeout=120)


@contextmanager
def no_space_left(file: Path) -> Iterator[None]:
    """Let a SQLite file not grow."""

    def stop_growing(connection: Any, _: object) -> None:
        (_, _, path), *_ = connection.execute("PRAGMA database_list").fetchall()
        if path == str(file):
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}")

    sa.event.listen(sa.Engine, "connect", stop_growing)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "connect", stop_growing)


def test_a_disk_that_is_full(api: Api, registry: Registry, tmp_path: Path) -> None:
    names = ["lake_0"]
    assert register(api, lake("lake_0")).status_code == 201
    with no_space_left(tmp_path / "registry.db"):
        # Some find room in pages that the file has.
        while (answer := register(api, lake(f"lake_{len(names)}", "x" * 2000))).status_code == 201:
            names.append(f"lake_{len(names)}")
        before = [(change.action, change.name) for change in registry.history()]
        for refused in (answer, register(api, lake("pond", "x" * 2000), "key-1")):
            assert (refused.status_code, refused.json()["code"]) == (507, "registry.full")
            assert refused.headers["Content-Type"] == "application/problem+json"
        # What reads goes on, and so do tests, whose line in the audit trail is in the log then.
        assert [item["name"] for item in api.get(PATH).json()["data"]] == names
        test = api.test({"type": "postgres", "connection": "postgresql://u:p@192.168.0.1/db"})
        assert test.json()["data"]["error"]["code"] == "egress.refused"

    assert [c for c in ((c.action, c.name) for c in registry.history()) if c[0] != "test"] == before
    assert register(api, lake("pond", "x" * 2000), "key-1").status_code == 201
    assert [item["name"] for item in api.get(PATH).json()["data"]] == [*names, "pond"]


def test_an_answer_that_cannot_be_kept_is_given_all_the_same(
    api: Api, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def keep(*_: Any) -> None:
        with no_space_left(tmp_path / "registry.db"), registry.database.writing() as connection:
            row = {"caller": "x" * 60_000, "key": "", "request": "", "at": datetime.now(UTC)}
            connection.execute(sa.insert(answers).values(row))

    register(api, lake("first"))
    monkeypatch.setattr("acme_orchestration.registry.answers.AnswerStore.keep", keep)

    assert register(api, lake(), "key-1").status_code == 201
    assert [item["name"] for item in api.get(PATH).json()["data"]] == ["first", "lake"]


@pytest.mark.parametrize(("moved", "status"), [(timedelta(days=2), 200), (timedelta(seconds=1), 409)])
def test_a_clock_that_was_moved_back(api: Api, registry: Registry, moved: timedelta, status: int) -> None:
    """A request whose worker was killed does not block its key until the clock has caught up."""
    assert register(api, lake(), "key-1").status_code == 201
    with registry.database.writing() as connection:
        connection.execute(sa.update(answers).values(answer=None, at=datetime.now(UTC) + moved))

    assert register(api, lake(), "key-1").status_code == status


def test_a_webserver_that_is_down(make_api: MakeApi, registry: Registry) -> None:
    api = make_api(registry=registry, webserver_url="http://127.0.0.1:9")
    assert register(api, lake()).status_code == 201
    for _ in range(2):
        started = requests.post(
            f"{api.url}{PATH}/lake/test", headers={"Idempotency-Key": "key-1"}, timeout=120
        )
        assert (started.status_code, started.json()["code"]) == (503, "dagster.unreachable")
    assert [item["status"] for item in api.get(PATH).json()["data"]] == ["unknown"]
