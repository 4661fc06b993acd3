"""Requests of a form that no client of good will sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.registered import Registry
from tests.api.client import Api

MakeApi = Callable[..., Api]
WORKSPACE = "connectors: {lake: {type: parquet, role: destination, config: {path: lake}}}\n"
# A type whose fields may be anything.
LOOSE = """
from acme.sdk import Row, SourceConnector


class Loose(SourceConnector):
    def setup(self, config):
        pass

    def extract(self, last_run=None):
        yield Row(id=1)
"""


@pytest.fixture
def api(make_api: MakeApi, tmp_path: Path) -> Api:
    api = make_api(WORKSPACE, registry=Registry(RegistryDatabase(f"sqlite:///{tmp_path / 'registry.db'}")))
    (api.workspace_file.parent / "connectors").mkdir()
    (api.workspace_file.parent / "connectors" / "loose.py").write_text(LOOSE)
    return api


def refused(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code, answer.text
    return problem


def test_bodies(api: Api) -> None:
    draft = '{"name": "x", "type": "loose", "role": "source", "config": %s}'
    bodies: list[tuple[bytes | str, int, str]] = [
        # A text that holds JSON is a text.
        (json.dumps(draft % "{}"), 422, "request.invalid"),
        ('"\\ud800"', 422, "request.invalid"),
        ("[]", 422, "request.invalid"),
        ("null", 422, "request.invalid"),
        (draft % '{"n": NaN}', 422, "request.invalid"),
        (draft % '{"n": [{"m": -1e999}]}', 422, "request.invalid"),
        (draft % ('{"n": %s}' % ("9" * 5000)), 400, "request.malformed"),
        (b"\xff\xfe{}", 400, "request.malformed"),
        ("{", 400, "request.malformed"),
        ("", 400, "request.malformed"),
    ]
    for body, status, code in bodies:
        answer = requests.post(
            f"{api.url}/api/v1/connectors",
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=120,
        )
        problem = refused(answer, status, code)
        assert "JSON" in problem["detail"] or problem["errors"], problem
    assert [one["name"] for one in api.get("/api/v1/connectors").json()["data"]] == ["lake"]


@pytest.mark.parametrize("path", ["/api/v1/connectors", "/api/v1/connectors/lake"])
def test_a_document_that_must_be_another_one(api: Api, path: str) -> None:
    tag = api.get(path).headers["ETag"]

    refused(api.get(path, headers={"If-Match": '"other"'}), 412, "version.other")
    assert api.get(path, headers={"If-Match": tag}).status_code == 200
    assert api.get(path, headers={"If-None-Match": f'"other", {tag}'}).status_code == 304


def test_what_is_accepted(api: Api) -> None:
    for accept in (
        "*/*",
        "application/json",
        "text/html, application/*;q=0.1",
        "",
        "application/json;q=0.5, */*;q=0",
    ):
        assert api.get("/api/v1/connectors", headers={"Accept": accept}).status_code == 200, accept
    for accept in ("text/csv", "application/json;q=0, text/*", "application/xml"):
        refused(api.get("/api/v1/connectors", headers={"Accept": accept}), 406, "request.not_acceptable")
    assert api.get("/docs", headers={"Accept": "text/html"}).status_code == 200


def test_methods_that_are_not_there(api: Api) -> None:
    for method, path, allowed in (
        ("PUT", "/api/v1/connectors", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("TRACE", "/api/v1/connectors/lake", {"GET", "HEAD", "OPTIONS", "PATCH", "DELETE"}),
        ("POST", "/api/v1/connectors/lake/health", {"GET", "HEAD", "OPTIONS"}),
        ("QUERY", "/api/v1/pipelines", {"GET", "HEAD", "OPTIONS"}),
    ):
        answer = requests.request(method, api.url + path, timeout=120)
        refused(answer, 405, "method.not_allowed")
        assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "name", ["%00", "%ff%fe", "%f0%9f%a6%86", "a%2fb", "\ud800".encode("utf-8", "surrogatepass").hex()]
)
def test_names_that_are_no_text(api: Api, name: str) -> None:
    for path in ("connectors/{}", "connectors/{}/health", "pipelines/{}", "runs/{}"):
        answer = api.get("/api/v1/" + path.format(name))
        assert answer.status_code == 404, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
