"""The page's form: connectors are tested and registered."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from acme_orchestration.registry.registered import Registry
from api.probing.egress import EgressPolicy
from tests.api.client import Api
from tests.browser.workspace import row
from tests.servers import DatabaseServer


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
