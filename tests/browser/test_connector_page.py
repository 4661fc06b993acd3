"""What a browser shows of a connector in Dagster's web UI."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.running_dev import RunningDev


def test_the_health_of_a_connector_is_seen_as_it_changes(sample_dev: RunningDev, page: Page) -> None:
    page.goto(f"{sample_dev.ui_url}/assets/connectors/users_db?view=checks")
    shows(page, "Passed", re.compile("PostgreSQL 18"), "latency_ms", "healthy")

    # The page follows by itself, and nothing else is started again.
    sample_dev.postgres.stop()
    try:
        shows(page, "Failed", "connect.refused", "unhealthy")
    finally:
        sample_dev.postgres.start()
    shows(page, "Passed", re.compile("PostgreSQL 18"), "healthy")


def test_a_connector_is_described_with_what_depends_on_it(sample_dev: RunningDev, page: Page) -> None:
    page.goto(f"{sample_dev.ui_url}/assets/connectors/users_db")
    shows(page, "External Asset", "All flights that left New York City in 2013.", "Postgres", "Source")
    shows(page, "user_analytics / flights", "user_export / weather")


def test_a_loaded_table_tells_its_rows_and_columns(sample_dev: RunningDev, page: Page) -> None:
    page.goto(f"{sample_dev.ui_url}/assets/user_analytics/flights")
    shows(page, "time_hour", "tailnum")
    # All of them by the first load, some by one that the schedule began at the full hour.
    row = page.get_by_role("row").filter(has=page.get_by_text("rows_loaded", exact=True))
    expect(row.get_by_role("cell").last).to_have_text(re.compile(r"^\d[\d,]*$"), timeout=120_000)


def shows(page: Page, *texts: str | re.Pattern[str]) -> None:
    """Wait until the page has an element of exactly each text, or one that a pattern matches, in sight."""
    for text in texts:
        expect(page.get_by_text(text, exact=True).first).to_be_visible(timeout=120_000)
