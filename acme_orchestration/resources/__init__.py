"""One Dagster resource per connector."""

from acme_orchestration.resources.builtin import (
    BigQueryResource,
    DuckDBResource,
    ParquetResource,
    PostgresResource,
)
from acme_orchestration.resources.connector import ConnectorResource

__all__ = ["BigQueryResource", "ConnectorResource", "DuckDBResource", "ParquetResource", "PostgresResource"]
