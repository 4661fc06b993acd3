"""What a source has to offer: its streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Stream"]


@dataclass(frozen=True)
class Stream:
    """A table-like sequence of records that a source can read.

    Attributes:
        name: The stream's name, unique in its connector, e.g. ``public.orders``.
        schema: Its columns as an Arrow schema, or ``None`` when it is learnt from the rows.
        primary_key: Columns that identify a record; empty when there are none.
        cursor_field: The column that grows with each change of a record, or ``None``.
    """

    name: str
    schema: pa.Schema | None = None
    primary_key: tuple[str, ...] = ()
    cursor_field: str | None = None
