"""The page where keys are needed, under a path, in the dark, for screen readers, and in the sample."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from acme_orchestration.registry.registered import Registry
from api.access.keys import KeyRing, KeyStore
from tests.api.client import Api
from tests.browser.workspace import WORKSPACE, row
from tests.running_dev import RunningDev


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
    expect(page.get_by_role("main").get_by_text("This server asks for a key.")).to_be_visible()
    expect(page.get_by_text("Loading")).to_be_hidden()
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
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_wrong(api: Api, context: BrowserContext, scheme: Any, width: int) -> None:
    axe = Axe()
    page = context.new_page()
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    views = {
        "connectors": page.locator("tbody tr").first,
        "connectors?q=nothing": page.get_by_text("No connector fits these filters."),
        "connectors/orders_db": page.get_by_role("heading", name="Recorded checks"),
        "pipelines": page.locator("tbody tr").first,
        "register": page.get_by_text("This cannot be registered yet"),
    }
    for view, shown in views.items():
        page.goto(f"{api.url}/#/{view}")
        if view == "register":
            page.get_by_label("type").select_option("postgres")
            page.get_by_text("More settings").click()
            page.get_by_role("button", name="Register", exact=True).click()
        expect(shown).to_be_visible()
        found = axe.run(page).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == [], view
