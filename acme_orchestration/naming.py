"""What connectors, pipelines and their parts are called in Dagster."""

from __future__ import annotations

import re

from dagster import AssetCheckKey, AssetKey

from acme_orchestration.registry.entries import PipelineEntry, StreamEntry, dagster_name

__all__ = ["CHECK_NAME", "check_key", "connector_key", "schedule_name", "stream_key"]

CHECK_NAME = "health"


def connector_key(name: str) -> AssetKey:
    """Return the key of a connector's asset: ``users-db`` → ``["connectors", "users_db"]``."""
    return AssetKey(["connectors", dagster_name(name)])


def check_key(name: str) -> AssetCheckKey:
    """Return the key of a connector's health check."""
    return AssetCheckKey(connector_key(name), CHECK_NAME)


def schedule_name(pipeline: PipelineEntry) -> str:
    """Return the name of a pipeline's schedule: ``user-analytics`` → ``user_analytics_schedule``."""
    return f"{dagster_name(pipeline.name)}_schedule"


def stream_key(pipeline: PipelineEntry, stream: StreamEntry) -> AssetKey:
    """Return the key of a stream's asset: ``public.orders`` → ``["user_analytics", "public_orders"]``.

    The only stream of a source has the source's name.
    """
    name = stream.stream or pipeline.source
    return AssetKey([dagster_name(pipeline.name), re.sub(r"[^A-Za-z0-9_]", "_", name)])
