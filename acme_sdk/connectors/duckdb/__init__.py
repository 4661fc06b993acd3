"""DuckDB: a destination in one file, with exactly-once loads."""

from acme_sdk.connectors.duckdb.destination import DuckDBDestination

__all__ = ["DuckDBDestination"]
