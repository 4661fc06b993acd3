"""Parquet: a destination in a folder of files, with exactly-once loads."""

from acme_sdk.connectors.parquet.destination import ParquetDestination

__all__ = ["ParquetDestination"]
