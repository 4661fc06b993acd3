"""Pipelines and how they are doing."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import Model, Timestamp

__all__ = ["PipelineAnswer", "PipelineItem", "PipelineListAnswer", "PipelinePath", "StreamItem"]


class PipelinePath(Model):
    """The pipeline that a path names."""

    name: str = Field(description="The pipeline's name.", examples=["user-analytics"])


class StreamItem(Model):
    """One stream and how it is loaded."""

    stream: str | None = Field(description="Its name in the source; null for the source's only one.")
    table: str | None = Field(description="Where it goes; null for a table of the stream's name.")
    write_mode: str = Field(examples=["append", "overwrite", "upsert"])


class PipelineItem(Model):
    """A pipeline and how it is doing."""

    name: str = Field(examples=["user-analytics"])
    source: str = Field(examples=["users_db"])
    destination: str = Field(examples=["analytics"])
    streams: list[StreamItem]
    schedule: str | None = Field(description="A cron expression.", examples=["0 * * * *"])
    description: str | None
    owner: str | None
    fault: str | None = Field(description="Why it cannot be used; null for a good one.")
    last_run: str | None = Field(
        description="How its last run stands, as Dagster calls it; null without one.", examples=["SUCCESS"]
    )
    last_sync: Timestamp | None = Field(description="When a stream was loaded last; null for never.")
    next_run: Timestamp | None = Field(description="When its schedule starts it next; null if none does.")
    rows: int | None = Field(description="How many rows the last syncs of its streams loaded together.")
    lag_s: int | None = Field(
        description="The age of the data of the stream that is furthest behind, in seconds; null as long as "
        "one was never loaded."
    )


class PipelineAnswer(Model):
    """One pipeline."""

    data: PipelineItem


class PipelineListAnswer(Model):
    """All pipelines, in the order declared, and then as registered."""

    data: list[PipelineItem]
