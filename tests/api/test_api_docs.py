"""The OpenAPI document, its page, and what every answer carries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

import requests

from tests.api.client import Api

MakeApi = Callable[..., Api]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_the_document_describes_all_endpoints(make_api: MakeApi) -> None:
    document = make_api().get("/openapi.json").json()

    assert document["openapi"].startswith("3.1.")
    operations = {(path, method) for path, item in document["paths"].items() for method in item}
    assert operations == {
        ("/api/v1/connectors", "get"),
        ("/api/v1/connectors", "post"),
        ("/api/v1/connectors/test", "post"),
        ("/api/v1/connectors/{name}", "get"),
        ("/api/v1/connectors/{name}", "patch"),
        ("/api/v1/connectors/{name}", "delete"),
        ("/api/v1/connectors/{name}/test", "post"),
        ("/api/v1/pipelines/{name}/run", "post"),
        ("/api/v1/connectors/{name}/streams", "get"),
        ("/api/v1/connector-types", "get"),
        ("/api/v1/connector-types/{type}", "get"),
        ("/api/v1/connectors/{name}/health", "get"),
        ("/api/v1/pipelines", "get"),
        ("/api/v1/pipelines/{name}", "get"),
        ("/api/v1/runs/{id}", "get"),
        ("/livez", "get"),
        ("/readyz", "get"),
        ("/metrics", "get"),
    }
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def test_the_page_and_all_that_it_loads_come_from_this_server(make_api: MakeApi) -> None:
    api = make_api()

    page = api.get("/docs")

    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) >= 4
    for address in loaded:
        target = urljoin(page.url, address)
        assert target.startswith(api.url)
        assert requests.get(target, timeout=120).status_code == 200
    assert (
        "'unsafe-inline'" not in page.headers["Content-Security-Policy"].split("script-src")[1].split(";")[0]
    )


def test_every_answer_has_the_security_headers(make_api: MakeApi) -> None:
    api = make_api()

    for path in ("/api/v1/connectors", "/docs", "/openapi.json", "/nothing"):
        headers = api.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in headers


def test_another_host_name_is_refused_where_names_are_given(make_api: MakeApi) -> None:
    api = make_api(trusted_hosts=["127.0.0.1"])

    assert api.get("/api/v1/connectors").status_code == 200
    rebound = requests.get(api.url + "/api/v1/connectors", headers={"Host": "evil.test"}, timeout=120)
    assert rebound.status_code == 421
    assert rebound.json()["code"] == "host.unknown"
    assert rebound.headers["Content-Type"] == "application/problem+json"


def test_a_method_that_is_not_there(make_api: MakeApi) -> None:
    response = requests.delete(make_api().url + "/api/v1/connectors", timeout=120)

    assert response.status_code == 405
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "method.not_allowed"
    assert "GET" in response.headers["Allow"]
