"""The page at ``/`` of the API's server, in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, Request, Response, expect

from tests.api.client import Api
from tests.browser.workspace import HEALTHY, LONG, MARKUP, REFUSED, row


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
    expect(users).to_contain_text("and 2 more")
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
    entry = "{type: postgres, role: source, check_interval_s: 86400}"
    lines = "".join(f"  c{i:02}: {entry}\n" for i in range(40))
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
