"""The page at ``/`` of the API's server, in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Request, Response, expect
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.registered import Registry
from acme_sdk.health import HealthReport, HealthStatus
from api.egress import EgressPolicy
from api.keys import KeyRing, KeyStore
from tests.api.client import Api, running_api
from tests.running_dev import RunningDev
from tests.servers import DatabaseServer

MARKUP = "<img src=x onerror=document.title='owned'>"
LONG = "the_warehouse_of_all_orders_of_the_northern_region_since_1998"
HEALTHY = HealthReport(HealthStatus.HEALTHY, latency_ms=12, server_version="PostgreSQL 15.2")
REFUSED = HealthReport(
    HealthStatus.UNHEALTHY,
    "connect.refused",
    f"db.example.com:5432: the connection was refused {MARKUP}",
    "check that the server runs and listens there",
    latency_ms=3,
)
WORKSPACE = f"""
connectors:
  users_db:
    type: postgres
    role: source
    owner: team:data
    description: "People {MARKUP}"
    config: {{host: db, database: users, user: reader, password: {{env: USERS_DB_PASSWORD}}}}
  orders_db: {{type: postgres, role: source}}
  archive: {{type: parquet, role: destination, config: {{path: lake}}, disabled: true}}
  {LONG}: {{type: duckdb, role: destination, config: {{path: w.duckdb}}}}
  "{MARKUP}": {{type: postgres, role: source}}
pipelines:
  user-analytics: {{source: users_db, destination: {LONG}, streams: [people], schedule: "0 * * * *"}}
  user-export: {{source: users_db, destination: {LONG}, streams: [people]}}
  order-sync: {{source: orders_db, destination: {LONG}, streams: [orders]}}
  broken: {{source: users_db, destination: {LONG}, streams: [people], colour: red}}
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server with connectors in every state, and names made to harm."""
    with running_api(tmp_path_factory.mktemp("page") / "api", WORKSPACE) as running:
        now = datetime.now(UTC)
        since = now - timedelta(hours=8)
        for hours in range(24, 0, -1):
            report = replace(HEALTHY, latency_ms=10 + hours % 7) if hours not in (9, 10) else REFUSED
            running.record("users_db", report, at=now - timedelta(hours=hours), since=since)
        running.record("users_db", HEALTHY, since=since)
        running.record("orders_db", REFUSED, since=now - timedelta(days=3, hours=1))
        running.record(LONG, replace(HEALTHY, status=HealthStatus.DEGRADED, latency_ms=2400, message="slow"))
        yield running


@pytest.fixture
def make_api(tmp_path: Path) -> Iterator[Callable[..., Api]]:
    with ExitStack() as stack:
        yield lambda workspace, **options: stack.enter_context(
            running_api(tmp_path / "api", workspace, **options)
        )


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(RegistryDatabase(f"sqlite:///{tmp_path / 'registry.db'}"))


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def names(page: Page) -> list[str]:
    return page.locator("tbody a.name").all_inner_texts()


def is_list(sent: Request | Response) -> bool:
    return "/api/v1/connectors?" in sent.url


def announced(page: Page) -> Locator:
    return page.locator("#announcements")


def test_the_list_has_states_latencies_and_what_uses_them(api: Api, strict_page: Page) -> None:
    page = strict_page
    page.goto(api.url + "/")

    expect(page.get_by_role("heading", name="Connectors")).to_be_visible()
    users = row(page, "users_db")
    expect(users).to_contain_text("Healthy")
    expect(users).to_contain_text("for 8 h")
    expect(users).to_contain_text("user-analytics")
    expect(users).to_contain_text("and 1 more")
    chart = users.get_by_role("img", name="Latency of the last 20 recorded checks, 10 ms to 16 ms, 2 failed")
    expect(chart).to_be_visible()
    orders = row(page, "orders_db")
    expect(orders).to_contain_text("Unhealthy")
    expect(orders).to_contain_text("for 3 d")
    expect(orders).to_contain_text("the connection was refused")
    expect(row(page, LONG)).to_contain_text("2.4 s")

    # What needs attention comes first; markup is text, wherever it stands.
    assert names(page)[:2] == [MARKUP, "orders_db"] or names(page)[:2] == ["orders_db", MARKUP]
    assert page.locator("main img").count() == 0
    assert page.title().startswith("Connectors")


def test_filters_a_search_and_the_order_choose_and_stand_in_the_address(api: Api, strict_page: Page) -> None:
    page = strict_page
    page.goto(api.url + "/")
    expect(page.get_by_role("button", name="All 5")).to_have_attribute("aria-pressed", "true")

    page.get_by_role("button", name="Degraded 1").click()
    expect(page.locator("tbody a.name")).to_have_text([LONG])
    page.get_by_role("button", name="Healthy 1", exact=True).click()
    expect(page.locator("tbody a.name")).to_have_text([LONG, "users_db"])
    page.get_by_label("Role").select_option("source")
    expect(page.locator("tbody a.name")).to_have_text(["users_db"])
    assert page.url.endswith("#/connectors?role=source&status=degraded&status=healthy")
    page.reload()
    expect(page.locator("tbody a.name")).to_have_text(["users_db"])
    page.get_by_role("button", name="All").click()
    page.get_by_label("Role").select_option("")

    page.get_by_role("button", name="Name").click()
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("tbody a.name").first).to_have_text(MARKUP)
    page.get_by_role("button", name="Name").click()
    expect(page.locator("tbody a.name").first).to_have_text("users_db")

    page.get_by_label("Search").fill("nothing of that name")
    expect(page.get_by_text("No connector fits these filters.")).to_be_visible()
    page.get_by_role("button", name="Clear the filters").click()
    expect(page.locator("tbody a.name")).to_have_count(5)


def test_the_list_follows_and_leaves_focus_and_scroll_alone(
    make_api: Callable[..., Api], strict_page: Page
) -> None:
    page = strict_page
    lines = "".join(f"  c{i:02}: {{type: postgres, role: source}}\n" for i in range(40))
    api = make_api("connectors:\n" + lines)
    api.record("c30", HEALTHY)
    api.listed(lambda items: items[30]["status"] == "healthy")
    statuses: list[int] = []
    page.clock.install()
    page.on("response", lambda answer: statuses.append(answer.status) if is_list(answer) else None)
    page.goto(api.url + "/")
    link = row(page, "c30").get_by_role("link", name="c30")
    link.focus()
    at = page.evaluate("scrollY")
    assert at > 0
    row(page, "c30").evaluate("row => { row.dataset.mine = 'kept' }")
    with page.expect_response(lambda answer: is_list(answer) and answer.status == 304):
        page.clock.fast_forward(5000)

    # It moves to the top of the list.
    api.record("c30", REFUSED)
    api.listed(lambda items: items[30]["status"] == "unhealthy")
    page.clock.fast_forward(5000)

    expect(announced(page)).to_have_text("Changed: c30: Unhealthy")
    expect(row(page, "c30")).to_contain_text("Unhealthy")
    assert names(page)[0] == "c30"
    expect(link).to_be_focused()
    assert row(page, "c30").get_attribute("data-mine") == "kept"
    assert set(statuses) == {200, 304}

    # The server is away, and comes back: what was known stays, and says of when it is.
    page.context.set_offline(True)
    page.clock.fast_forward(5000)
    banner = page.get_by_role("main").get_by_text("The server does not answer. This is as of")
    expect(banner).to_be_visible()
    expect(row(page, "c30")).to_contain_text("Unhealthy")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(banner).to_be_hidden()


def test_a_connector_shows_its_health_its_past_and_what_to_do(api: Api, strict_page: Page) -> None:
    page = strict_page
    page.goto(api.url + "/")
    row(page, "orders_db").get_by_role("link", name="orders_db").press("Enter")

    expect(page.get_by_role("heading", name="orders_db")).to_be_focused()
    wrong = page.get_by_role("region", name="What is wrong")
    expect(wrong).to_contain_text("db.example.com:5432: the connection was refused")
    expect(wrong).to_contain_text("connect.refused")
    expect(wrong).to_contain_text("What to do: check that the server runs and listens there")
    expect(page.get_by_role("link", name="order-sync")).to_be_visible()

    page.get_by_role("link", name="Connectors").first.click()
    row(page, "users_db").get_by_role("link", name="users_db").click()
    expect(page.get_by_text("PostgreSQL 15.2")).to_be_visible()
    expect(page.get_by_text("Uptime, 24 hours")).to_be_visible()
    expect(page.locator(".uptime").first).to_contain_text(re.compile(r"9\d\.?\d* %"))
    expect(page.get_by_role("table", name="Recorded checks").get_by_role("row")).to_have_count(21)
    expect(page.get_by_text("from the environment variable USERS_DB_PASSWORD")).to_be_visible()
    expect(page.get_by_text(f"People {MARKUP}")).to_be_visible()

    page.goto(f"{api.url}/#/connectors/nothing")
    expect(page.get_by_role("main").get_by_text("There is no connector named nothing")).to_be_visible()
    page.goto(f"{api.url}/#/connectors/{MARKUP.replace(' ', '%20')}")
    expect(page.get_by_role("heading", name=MARKUP)).to_be_visible()
    assert page.locator("main img").count() == 0


def test_pipelines_say_how_they_are_doing_and_why_one_cannot_be_run(api: Api, strict_page: Page) -> None:
    page = strict_page
    page.goto(f"{api.url}/#/pipelines")

    analytics = page.get_by_role("row").filter(has_text="user-analytics")
    expect(analytics).to_contain_text("1 stream")
    expect(analytics.get_by_role("link", name="users_db")).to_be_visible()
    broken = page.get_by_role("row").filter(has_text="colour")
    expect(broken.get_by_role("button", name="Run: broken")).to_be_hidden()

    analytics.get_by_role("button", name="Run: user-analytics").click()
    expect(page.get_by_role("alert")).to_contain_text("This server knows no Dagster webserver")
    page.get_by_role("button", name="Close this message").click()

    page.get_by_label("Search").fill("order-")
    expect(page.locator("tbody .name")).to_have_text(["order-sync"])


def test_a_thousand_connectors_come_in_pages_each_with_one_request(
    make_api: Callable[..., Api], strict_page: Page
) -> None:
    page = strict_page
    lines = "".join(f"  c{i:04}: {{type: postgres, role: source}}\n" for i in range(1000))
    api = make_api("connectors:\n" + lines)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if is_list(request) else None)
    page.goto(f"{api.url}/#/connectors?sort=name")
    shown = page.get_by_role("navigation", name="Pages").locator("p")

    expect(shown).to_have_text(re.compile("^1.50 of 1,000$"))
    expect(page.locator("tbody tr")).to_have_count(50)
    assert len(asked) == 1
    page.get_by_role("button", name="Next").click()
    expect(shown).to_have_text(re.compile("^51.100 of 1,000$"))
    assert names(page)[0] == "c0050"
    page.get_by_role("button", name="Previous").click()
    expect(shown).to_have_text(re.compile("^1.50 of 1,000$"))
    assert names(page)[0] == "c0000"


def test_a_key_is_asked_for_once_and_forgotten_on_demand(
    make_api: Callable[..., Api], registry: Registry, strict_page: Page
) -> None:
    page = strict_page
    store = KeyStore(registry.database)
    key = store.create("ann", ["read"], actor="ann")
    api = make_api(WORKSPACE, registry=registry, keys=KeyRing(store))
    page.goto(api.url + "/")

    dialog = page.get_by_role("dialog", name="This server asks for a key")
    expect(dialog.get_by_label("API key")).to_be_focused()
    page.keyboard.type("acme_000000000000_" + "x" * 43)
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("The server does not take this key.")
    dialog.get_by_label("API key").fill(key)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(row(page, "users_db")).to_be_visible()

    page.reload()
    expect(row(page, "users_db")).to_be_visible()
    assert key not in page.evaluate("JSON.stringify([localStorage, document.cookie, location.href])")
    row(page, "users_db").get_by_role("button", name="Test: users_db").click()
    expect(page.get_by_role("alert")).to_contain_text("This key has not the scope 'test'")

    page.get_by_role("button", name="Forget key").click()
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("main").get_by_text("Send a valid key")).to_be_visible()
    page.get_by_role("button", name="Enter key").click()
    expect(dialog).to_be_visible()


def test_under_a_path_of_a_proxy_it_works_the_same(make_api: Callable[..., Api], strict_page: Page) -> None:
    page = strict_page
    api = make_api(WORKSPACE)
    api.server.app = DispatcherMiddleware(NotFound(), {"/data/connectors": api.server.app})

    page.goto(api.url + "/data/connectors")

    expect(row(page, "users_db")).to_be_visible()
    row(page, "users_db").get_by_role("link", name="users_db").click()
    expect(page.get_by_role("heading", name="users_db")).to_be_visible()
    page.get_by_role("link", name="API").click()
    expect(page.get_by_role("heading", name="Connector API")).to_be_visible()


def test_a_connector_is_tested_and_registered_by_keyboard(
    make_api: Callable[..., Api], registry: Registry, postgres: DatabaseServer, strict_page: Page
) -> None:
    page = strict_page
    press, write = page.keyboard.press, page.keyboard.type
    api = make_api("connectors: {}\n", registry=registry, egress=EgressPolicy.parse("127.0.0.0/8"))
    page.goto(api.url + "/")
    expect(page.get_by_text("There are no connectors yet.")).to_be_visible()
    page.get_by_role("link", name="Register a connector").first.focus()
    press("Enter")
    expect(page.get_by_role("heading", name="Register a connector")).to_be_focused()
    expect(page.get_by_label("type")).to_contain_text("Postgres (postgres)")

    def to(locator: Locator) -> None:
        """Go on with the tabulator key until something has the focus."""
        for _ in range(60):
            press("Tab")
            if locator.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"the tabulator key does not lead to {locator}")

    to(page.get_by_label("type"))
    page.get_by_label("type").select_option("postgres")
    to(page.get_by_role("radio", name="source"))
    to(page.get_by_label("name", exact=False).and_(page.locator("[name=name]")))
    write("people_db")
    for field, value in (
        ("host", "127.0.0.1"),
        ("port", "no"),
        ("database", "postgres"),
        ("user", "postgres"),
    ):
        to(page.locator(f"[name={field}]"))
        write(value)
    password = page.get_by_role("group", name=re.compile("^password"))
    secret = password.get_by_label("The secret itself")
    to(secret)
    assert secret.get_attribute("type") == "password"
    write("canary-wrong")
    to(page.get_by_role("button", name="Test the connection", exact=True))
    press("Enter")

    # What is wrong is told at the top, and leads to the field.
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    press("Tab")
    press("Enter")
    port = page.locator("[name=port]")
    expect(port).to_be_focused()
    expect(port).to_have_accessible_description(re.compile("This must be a whole number"))
    press("Control+a")
    write(str(postgres.port))
    to(page.get_by_role("button", name="Test the connection", exact=True))
    press("Enter")
    result = page.locator(".result")
    expect(result).to_contain_text("auth.failed")
    expect(result).to_contain_text("What to do:")
    expect(result.get_by_role("listitem").first).to_contain_text("resolve")

    # It is not registered before a test has passed.
    to(page.get_by_role("button", name="Register"))
    press("Enter")
    expect(summary).to_contain_text("Test the connection first")
    secret.focus()
    press("Control+a")
    write(postgres.password)
    to(page.get_by_role("button", name="Test the connection", exact=True))
    press("Enter")
    expect(result).to_contain_text("Connected")
    expect(result).to_contain_text("PostgreSQL")

    # What is registered is a reference; the server has the last word on the rest.
    name = password.get_by_label("Name of the environment variable of password")
    name.focus()
    write("PEOPLE_DB_PASSWORD")
    page.locator("[name=name]").focus()
    press("Control+a")
    write("people db")
    to(page.get_by_role("button", name="Register"))
    press("Enter")
    expect(page.locator("[name=name]")).to_have_attribute("aria-invalid", "true")
    summary.get_by_role("button").first.press("Enter")
    press("Control+a")
    write("people_db")
    press("Enter")
    expect(page.get_by_role("heading", name="people_db")).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="Registered people_db.")).to_be_visible()
    expect(page.get_by_text("from the environment variable PEOPLE_DB_PASSWORD")).to_be_visible()
    page.get_by_role("link", name="Connectors").first.click()
    expect(row(page, "people_db")).to_contain_text("Unknown")

    (entry,) = registry.contents().connectors
    assert entry.body["config"]["password"] == {"env": "PEOPLE_DB_PASSWORD"}
    assert postgres.password not in str(entry.body)


def test_a_type_that_cannot_be_tested_over_http_is_tested_once_it_is_registered(
    make_api: Callable[..., Api], registry: Registry, strict_page: Page
) -> None:
    page = strict_page
    api = make_api("connectors: {}\n", registry=registry)
    page.goto(f"{api.url}/#/register")

    page.get_by_label("type").select_option("duckdb")
    expect(page.get_by_text("are tested once they are registered")).to_be_visible()
    expect(page.get_by_role("button", name="Test the connection", exact=True)).to_be_hidden()
    page.locator("[name=name]").fill("warehouse")
    page.get_by_role("button", name="Register").click()
    path = page.locator("[name=path]")
    expect(path).to_have_accessible_description(re.compile("This is required"))
    path.fill("/etc/w.duckdb")
    page.get_by_role("button", name="Register").click()
    expect(path).to_have_accessible_description(re.compile("Dagster runs"))
    path.fill("w.duckdb")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", name="warehouse")).to_be_visible()


def test_in_the_sample_a_test_and_a_run_are_started_and_followed(
    sample_dev: RunningDev, strict_page: Page
) -> None:
    page = strict_page
    page.goto(f"{sample_dev.api_url}/#/connectors/users_db")
    page.get_by_role("button", name="Test now: users_db").click()
    expect(page.get_by_text("Test now: users_db succeeded.")).to_be_visible()
    expect(page.get_by_role("heading", name="Last check, step by step")).to_be_visible()
    page.get_by_role("button", name="List the streams").click()
    expect(page.get_by_role("table", name="Streams")).to_contain_text("flights")

    page.get_by_role("link", name="user-export").click()
    run = page.get_by_role("button", name="Run: user-export")
    run.click()
    expect(run).to_have_text("Running …")
    expect(page.get_by_text("Run: user-export succeeded.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_follow_the_system(api: Api, context: BrowserContext, scheme: Any) -> None:
    page = context.new_page()
    page.emulate_media(color_scheme=scheme)
    for path in ("/", "/docs"):
        page.goto(api.url + path)
        ground = page.evaluate(
            "[document.documentElement, document.body].map(one => getComputedStyle(one).backgroundColor)"
            ".find(colour => colour !== 'rgba(0, 0, 0, 0)') ?? 'rgb(255, 255, 255)'"
        )
        brightness = sum(map(int, re.findall(r"\d+", ground)[:3])) / 3
        assert (brightness < 80) is (scheme == "dark"), (path, ground)


def test_nothing_but_files_of_the_page_is_served(api: Api) -> None:
    policy = api.get("/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    for name in ("../app.py", "%2e%2e/app.py", "..%2fapp.py", "/etc/passwd", "nothing.js"):
        assert api.get(f"/page/{name}").status_code == 404
    first = api.get("/page/app.js")
    assert first.headers["Content-Type"].startswith("text/javascript")
    again = api.get("/page/app.js", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
