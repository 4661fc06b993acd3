"""The OpenAPI document: valid, complete, and true of a server that runs."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import requests
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from api.messages.catalogue import CATALOGUE
from tests.api.served import Served, served_api

SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"
METHODS = {"get", "post", "patch", "delete"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_api(tmp_path_factory.mktemp("schema")) as served:
        yield served


@pytest.fixture(scope="module")
def document(served: Served) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {served.keys['read']}"}
    found: dict[str, Any] = requests.get(f"{served.url}/openapi.json", headers=headers, timeout=120).json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        assert set(item) <= METHODS
        for method, operation in item.items():
            yield path, method, operation


def schemas(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "examples" in value and not isinstance(value["examples"], dict):
            yield value
        for inner in value.values():
            yield from schemas(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from schemas(inner)


def test_the_document_and_its_examples_are_valid(document: dict[str, Any]) -> None:
    OPENAPI_31_VALIDATOR.validate(document)
    assert document["openapi"].startswith("3.1.")
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    whole = {"components": document["components"]}
    found = 0
    for schema in schemas(document):
        for example in schema["examples"]:
            jsonschema_rs.validator_for({**schema, **whole}).validate(example)
            found += 1
    assert found > 40


def test_every_operation_says_all(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in document["tags"]}
    for path, method, operation in operations(document):
        assert operation["summary"], path
        assert set(operation["tags"]) <= tags
        assert "default" not in operation["responses"]
        described = {(one["name"], one["in"]) for one in operation["parameters"]}
        assert {(name, "path") for name in re.findall(r"{(\w+)}", path)} <= described
        for parameter in operation["parameters"]:
            assert parameter.get("description") or parameter["schema"].get("description"), parameter
        if path.startswith("/api/"):
            assert operation["security"] == [
                {"key": [{"get": "read"}.get(method, "test" if path.endswith("/test") else "write")]}
            ]
            assert {"401", "403"} <= set(operation["responses"])


def test_every_problem_has_an_example(document: dict[str, Any]) -> None:
    seen = set()
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if status.startswith("2"):
                continue
            if status == "304":
                assert "content" not in response
                continue
            assert list(response["content"]) == ["application/problem+json"], (path, method, status)
            examples = response["content"]["application/problem+json"]["examples"]
            assert examples, (path, method, status)
            for code, example in examples.items():
                assert (example["value"]["code"], example["value"]["status"]) == (code, int(status))
                seen.add(code)
    assert seen == {code for codes in CATALOGUE.values() for code in codes}


def test_headers_are_described(document: dict[str, Any]) -> None:
    found = {operation["operationId"]: operation for _, _, operation in operations(document)}

    def sent(operation: str) -> set[tuple[str, bool]]:
        return {(p["name"], p["required"]) for p in found[operation]["parameters"] if p["in"] == "header"}

    def answered(operation: str, status: str) -> set[str]:
        headers = found[operation]["responses"][status]["headers"]
        return set(headers) - {"X-Request-Id", "RateLimit", "RateLimit-Policy"}

    assert sent("listConnectors") == sent("getConnector") == {("If-None-Match", False)}
    assert sent("changeConnector") == sent("deleteConnector") == {("If-Match", True)}
    for operation in ("registerConnector", "testConnector", "runPipeline"):
        assert sent(operation) == {("Idempotency-Key", False)}
    assert answered("registerConnector", "201") == {"ETag", "Location"}
    assert answered("changeConnector", "200") == answered("listConnectors", "304") == {"ETag"}
    assert answered("testConnector", "202") == {"Location"}
    assert answered("testConnection", "429") == {"Retry-After"}
    assert answered("listConnectors", "401") == {"WWW-Authenticate"}
    scheme = document["components"]["securitySchemes"]["key"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert all(f"`{scope}`" in scheme["description"] for scope in ("read", "test", "write"))


def test_the_server_keeps_to_the_document(served: Served, tmp_path: Path) -> None:
    """All checks of Schemathesis, with few examples; docs/security.md has the command for many."""
    done = subprocess.run(
        [
            *(SCHEMATHESIS, "--config-file", Path(__file__).with_name("schemathesis.toml")),
            *("run", f"{served.url}/openapi.json", "-H", f"Authorization: Bearer {served.keys['all']}"),
            *("--phases", "examples,coverage,fuzzing,stateful"),
            *("--max-examples", "5", "--generation-deterministic", "--no-color", "--warnings", "off"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
