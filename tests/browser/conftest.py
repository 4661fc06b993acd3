"""Chromium, and a page that may neither complain nor ask anybody else."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.registered import Registry
from tests.api.client import Api, running_api
from tests.browser.workspace import WORKSPACE, record_checks

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


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server with connectors in every state; tests leave it as it is."""
    with running_api(tmp_path_factory.mktemp("page") / "api", WORKSPACE) as running:
        record_checks(running)
        yield running


@pytest.fixture
def make_api(tmp_path: Path) -> Iterator[Callable[..., Api]]:
    """Start a server of a test's own; takes the workspace and the further arguments of `running_api`."""
    with ExitStack() as stack:

        def start(workspace: str, **options: Any) -> Api:
            return stack.enter_context(running_api(tmp_path / "api", workspace, **options))

        yield start


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(RegistryDatabase(f"sqlite:///{tmp_path / 'registry.db'}"))
