"""Chromium, and a page that may neither complain nor ask anybody else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
PATIENCE_MS = 120_000

expect.set_options(timeout=PATIENCE_MS)


# Not for the whole session: Playwright runs an event loop, and other tests run theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without cookies or keys, whose time zone and language are known."""
    context = browser.new_context(
        viewport={"width": 1400, "height": 900}, timezone_id="UTC", locale="en-GB", reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A new page."""
    return context.new_page()


@pytest.fixture
def strict_page(page: Page) -> Iterator[Page]:
    """A page that may write nothing to the console, and ask this machine alone."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # What the API refuses is told by the browser, too: the page shows it.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    hosts: set[str | None] = set()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", listen)
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    yield page
    assert complaints == []
    assert hosts == {"127.0.0.1"}
