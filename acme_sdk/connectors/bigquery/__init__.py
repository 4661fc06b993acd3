"""BigQuery: a destination whose rows and checkpoints commit in one multi-statement transaction."""

from acme_sdk.connectors.bigquery.destination import BigQueryDestination

__all__ = ["BigQueryDestination"]
