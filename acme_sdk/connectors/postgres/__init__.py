"""Postgres: a source of tables and views, and a destination with exactly-once loads."""

from acme_sdk.connectors.postgres.destination import PostgresDestination
from acme_sdk.connectors.postgres.source import PostgresSource

__all__ = ["PostgresDestination", "PostgresSource"]
