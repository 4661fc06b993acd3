"""Connectors in every state, with names and messages made to harm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Locator, Page

from acme_sdk.health import HealthReport, HealthStatus
from tests.api.client import Api

__all__ = ["HEALTHY", "LONG", "MARKUP", "REFUSED", "WORKSPACE", "record_checks", "row"]

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
    check_interval_s: 86400
  orders_db: {{type: postgres, role: source, check_interval_s: 86400}}
  archive: {{type: parquet, role: destination, config: {{path: lake}}, disabled: true}}
  {LONG}: {{type: duckdb, role: destination, config: {{path: w.duckdb}}, check_interval_s: 86400}}
  "{MARKUP}": {{type: postgres, role: source}}
pipelines:
  user-analytics: {{source: users_db, destination: {LONG}, streams: [people], schedule: "0 * * * *"}}
  user-export: {{source: users_db, destination: {LONG}, streams: [people]}}
  order-sync: {{source: orders_db, destination: {LONG}, streams: [orders]}}
  broken: {{source: users_db, destination: {LONG}, streams: [people], colour: red}}
"""


def record_checks(api: Api) -> None:
    """Store a day of checks."""
    now = datetime.now(UTC)
    since = now - timedelta(hours=8)
    for hours in range(24, 0, -1):
        report = replace(HEALTHY, latency_ms=10 + hours % 7) if hours not in (9, 10) else REFUSED
        api.record("users_db", report, at=now - timedelta(hours=hours), since=since)
    api.record("users_db", HEALTHY, since=since)
    api.record("orders_db", REFUSED, since=now - timedelta(days=3, hours=1))
    api.record(LONG, replace(HEALTHY, status=HealthStatus.DEGRADED, latency_ms=2400, message="slow"))


def row(page: Page, name: str) -> Locator:
    """The row of a connector."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
