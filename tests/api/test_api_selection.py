"""Filters, order and pages of GET /api/v1/connectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from acme_sdk.health import HealthReport, HealthStatus
from tests.api.client import Api, running_api
from tests.api.test_api_connectors import HEALTHY, REFUSED

WORKSPACE = """
connectors:
  users_db: {type: postgres, role: source, description: "People, and their ORDERS"}
  analytics: {type: bigquery, role: destination}
  orders_db: {type: postgres, role: source}
  exports: {type: duckdb, role: destination, disabled: true}
  archive: {type: parquet, role: destination}
pipelines:
  user-analytics: {source: users_db, destination: analytics}
  user-export: {source: users_db, destination: exports}
  order-sync: {source: orders_db, destination: analytics}
"""
DECLARED = ["users_db", "analytics", "orders_db", "exports", "archive"]
SLOW = HealthReport(HealthStatus.DEGRADED, "slow", "slow", latency_ms=900)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running_api(tmp_path_factory.mktemp("selection") / "api", WORKSPACE) as running:
        for name, report in (("users_db", HEALTHY), ("analytics", REFUSED), ("orders_db", SLOW)):
            running.record(name, report)
        yield running


def names(api: Api, query: str) -> list[str]:
    response = api.get(f"/api/v1/connectors?{query}")
    assert response.status_code == 200, response.text
    return [item["name"] for item in response.json()["data"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("role=source", ["users_db", "orders_db"]),
        ("type=postgres&type=parquet", ["users_db", "orders_db", "archive"]),
        ("status=unhealthy&status=unknown", ["analytics", "archive"]),
        ("status=disabled", ["exports"]),
        ("pipeline=user-analytics", ["users_db", "analytics"]),
        ("q=ORDER", ["users_db", "analytics", "orders_db"]),  # a description, a pipeline, a name
        ("q=postgres&role=destination", []),
        ("name=exports&name=users_db&name=nothing", ["users_db", "exports"]),
        ("pipeline=nothing", []),
        ("sort=name", ["analytics", "archive", "exports", "orders_db", "users_db"]),
        ("sort=-name", ["users_db", "orders_db", "exports", "archive", "analytics"]),
        ("sort=status", ["analytics", "orders_db", "archive", "exports", "users_db"]),
        ("sort=type&role=destination", ["analytics", "exports", "archive"]),
    ],
)
def test_parameters_choose(api: Api, query: str, found: list[str]) -> None:
    assert names(api, query) == found


def test_those_checked_last_come_last_or_first(api: Api) -> None:
    times = {item["name"]: item["last_check"] or "" for item in api.get("/api/v1/connectors").json()["data"]}

    for sort, is_falling in (("last_check", False), ("-last_check", True)):
        shown = [times[name] for name in names(api, f"sort={sort}")]
        assert shown == sorted(shown, reverse=is_falling)


@pytest.mark.parametrize("sort", ["", "sort=-name", "sort=status", "sort=-last_check", "sort=type"])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_together_are_the_list(api: Api, sort: str, limit: int) -> None:
    whole, pages, following = names(api, sort), [], f"/api/v1/connectors?{sort}&limit={limit}"
    while following:
        answer = api.get(following).json()
        assert list(answer) == ["data", "next"]
        assert len(answer["data"]) <= limit
        pages += [item["name"] for item in answer["data"]]
        following = answer["next"]

    assert pages == whole


def test_a_page_goes_on_where_the_one_before_ended_whatever_became_of_it(
    make_api: Callable[..., Api],
) -> None:
    lines = [f"  c{i}: {{type: postgres, role: source}}\n" for i in range(6)]
    api = make_api("connectors:\n" + "".join(lines))
    following = api.get("/api/v1/connectors?limit=3").json()["next"]

    for gone in (0, 2):
        left = [line for i, line in enumerate(lines) if i != gone]
        api.edit("connectors:\n" + "".join(left))
        shown = [item["name"] for item in api.get(following).json()["data"]]
        assert shown == ["c3", "c4", "c5"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("role=both", "role"),
        ("status=fine", "status.0"),
        ("sort=colour", "sort"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=many", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=W251bGwsIngiLCJ4Il0", "cursor"),  # [null,"x","x"]
        ("sort=name&cursor=W251bGwsMSwieCJd", "cursor"),  # [null,1,"x"], of no order
        ("colour=red", "colour"),
        ("q=" + "x" * 201, "q"),
    ],
)
def test_a_wrong_parameter_is_a_problem(api: Api, query: str, field: str) -> None:
    response = api.get(f"/api/v1/connectors?{query}")

    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["code"] == "request.invalid"
    assert [error["field"] for error in problem["errors"]] == [field]


def test_a_choice_has_an_entity_tag_of_its_own(api: Api) -> None:
    chosen, everything = api.get("/api/v1/connectors?role=source"), api.get("/api/v1/connectors")
    assert chosen.headers["ETag"] != everything.headers["ETag"]

    again = api.get("/api/v1/connectors?role=source", headers={"If-None-Match": chosen.headers["ETag"]})

    assert (again.status_code, again.content) == (304, b"")


def test_the_document_has_the_parameters(api: Api) -> None:
    operation = api.get("/openapi.json").json()["paths"]["/api/v1/connectors"]["get"]

    described = {
        parameter["name"]: parameter for parameter in operation["parameters"] if parameter["in"] == "query"
    }
    choosing = {"name", "role", "type", "status", "pipeline", "q"}
    assert set(described) == choosing | {"sort", "limit", "cursor", "include"}
    assert all(parameter["in"] == "query" for parameter in described.values())


def test_health_is_included_where_it_is_asked_for(make_api: Callable[..., Api]) -> None:
    api = make_api("connectors: {a: {type: postgres, role: source}, b: {type: parquet, role: destination}}\n")
    for report in (replace(HEALTHY, latency_ms=11), HEALTHY, REFUSED):
        api.record("a", report)
    api.listed(lambda items: items[0]["status"] == "unhealthy")

    answer = api.get("/api/v1/connectors?include=health&limit=100")
    a, b = (item["health"] for item in answer.json()["data"])
    assert b == {"since": None, "code": None, "message": None, "latency_ms": []}
    assert (a["code"], a["message"]) == (REFUSED.code, REFUSED.message)
    assert a["latency_ms"] == [11, 12, None]

    # A newer check is seen in the line, and the entity tag is another one.
    api.record("a", replace(HEALTHY, latency_ms=13))
    api.listed(lambda items: items[0]["status"] == "healthy")
    newer = api.get(answer.request.path_url, headers={"If-None-Match": answer.headers["ETag"]})
    assert newer.status_code == 200
    now = newer.json()["data"][0]["health"]
    assert (now["latency_ms"], now["code"]) == ([11, 12, None, 13], None)
    assert now["since"] >= a["since"]
    again = api.get(answer.request.path_url, headers={"If-None-Match": newer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("query", ["include=health", "include=health&limit=101", "include=everything"])
def test_what_may_not_be_included(api: Api, query: str) -> None:
    response = api.get(f"/api/v1/connectors?{query}")

    assert (response.status_code, response.json()["code"]) == (422, "request.invalid")


def test_counts_go_by_all_parameters_but_the_state(api: Api) -> None:
    answer = api.get("/api/v1/connectors?include=counts&role=destination&status=disabled&limit=1").json()

    assert list(answer) == ["data", "counts", "next"]
    assert [item["name"] for item in answer["data"]] == ["exports"]
    assert sum(answer["counts"].values()) == 3
    assert answer["counts"]["disabled"] == 1
    assert list(answer["counts"]) == ["unhealthy", "degraded", "unknown", "disabled", "healthy"]
