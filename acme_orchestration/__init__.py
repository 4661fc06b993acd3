"""Connectors and pipelines as Dagster definitions, and the way back from the Dagster instance."""
