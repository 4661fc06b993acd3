"""What a pipeline's parts are called in Dagster."""

from __future__ import annotations

import re

from dagster import AssetKey

from acme_orchestration.registry.entries import PipelineEntry, StreamEntry, dagster_name

__all__ = ["schedule_name", "stream_key"]


def schedule_name(pipeline: PipelineEntry) -> str:
    """Return the name of a pipeline's schedule: ``user-analytics`` → ``user_analytics_schedule``."""
    return f"{dagster_name(pipeline.name)}_schedule"


def stream_key(pipeline: PipelineEntry, stream: StreamEntry) -> AssetKey:
    """Return the key of a stream's asset: ``public.orders`` → ``["user_analytics", "public_orders"]``.

    The only stream of a source has the source's name.
    """
    name = stream.stream or pipeline.source
    return AssetKey([dagster_name(pipeline.name), re.sub(r"[^A-Za-z0-9_]", "_", name)])
