"""What a connector can read."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import Model, Timestamp

__all__ = ["SourceStream", "StreamColumn", "StreamListAnswer", "StreamQuery"]


class StreamQuery(Model):
    """How old the answer may be."""

    max_age: int = Field(
        default=300, ge=0, le=86_400, description="How old the answer may be, in seconds; 0 asks the source."
    )


class StreamColumn(Model):
    """A column of a stream."""

    name: str = Field(examples=["id"])
    type: str = Field(description="As Arrow calls it.", examples=["int64", "string", "timestamp[us, tz=UTC]"])
    nullable: bool


class SourceStream(Model):
    """What a source can read: a table, or what is like one."""

    name: str = Field(examples=["orders", "sales.orders"])
    columns: list[StreamColumn] | None = Field(description="null where they are learnt from the rows.")
    primary_key: list[str] = Field(
        description="What identifies a record; empty if nothing does.", examples=[["id"]]
    )
    cursor: list[str] = Field(
        description="The columns that grow with each change of a record, if the source says so.",
        examples=[["updated_at"]],
    )
    overlap: str | None = Field(
        description="How far before the cursor a sync begins.", examples=["0:10:00", "100"]
    )
    ordered: bool = Field(description="Whether records come by ascending cursor.")
    partitions: list[str] = Field(description="The parts that can be read side by side; empty for a whole.")


class StreamListAnswer(Model):
    """The streams of a connector."""

    data: list[SourceStream]
    as_of: Timestamp = Field(description="When the source was asked.")
