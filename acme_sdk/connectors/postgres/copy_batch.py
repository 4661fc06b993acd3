"""Rows of a table in the form in which ``COPY … TO STDOUT (FORMAT binary)`` sends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow as pa

from acme_sdk.connectors.postgres.binary import Block
from acme_sdk.connectors.postgres.decode import decode_column, read_block
from acme_sdk.encoded import EncodedBatch

__all__ = ["CopyBatch", "CopyLayout"]


@dataclass(frozen=True)
class CopyLayout:
    """What the rows of a COPY consist of.

    Attributes:
        schema: The columns that they become.
        wire_types: In which type's binary form each column is there; see
            `acme_sdk.connectors.postgres.types.wire_type`. What has none is there as the text that Postgres
            prints, in the form of ``text``.
        where: The stream, for errors.
    """

    schema: pa.Schema
    wire_types: tuple[str, ...]
    where: str


class CopyBatch(EncodedBatch):
    """Some rows, decoded when they are asked for.

    Attributes:
        layout: What they consist of.
        data: The rows as they came, without header and trailer.
        num_rows: How many there are.
    """

    encoding = "postgres.copy_binary"

    def __init__(self, layout: CopyLayout, data: bytes, num_rows: int) -> None:
        self.layout = layout
        self.schema = layout.schema
        self.data = data
        self.num_rows = num_rows
        self.nbytes = len(data)

    def column(self, name: str) -> pa.Array:
        """Return one column, without decoding the others.

        Raises:
            KeyError: There is no such column.
            FatalError: A value has no place in the column's type (code ``data.not_representable``), or the
                rows are malformed (code ``data.invalid``).
        """
        index = self.schema.get_field_index(name)
        if index < 0:
            raise KeyError(name)
        return self._decode(index)

    def decode(self) -> pa.RecordBatch:
        """Return all columns.

        Raises:
            FatalError: As in `column`.
        """
        return self._decode_all(unbounded=False)

    def decode_unbounded(self) -> pa.RecordBatch:
        """Return all columns, any date and timestamp included; see `EncodedBatch.decode_unbounded`.

        Raises:
            FatalError: As in `column`, also for a timestamp that has no place in 64 bits from 1970 on.
        """
        return self._decode_all(unbounded=True)

    def renamed(self, names: Sequence[str]) -> CopyBatch:
        """Return the rows, still undecoded, with other names for their columns."""
        schema = self.schema
        renamed = [field.with_name(name) for field, name in zip(schema, names, strict=True)]
        layout = replace(self.layout, schema=pa.schema(renamed, schema.metadata))
        return CopyBatch(layout, self.data, self.num_rows)

    @cached_property
    def _block(self) -> Block:
        return read_block(self.data, len(self.schema), self.num_rows, self.layout.where)

    def _decode_all(self, *, unbounded: bool) -> pa.RecordBatch:
        if not self.schema.names:
            self._block  # noqa: B018 - checks the rows
            return pa.RecordBatch.from_struct_array(pa.array([{}] * self.num_rows, pa.struct([])))
        columns = [self._decode(index, unbounded=unbounded) for index in range(len(self.schema))]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _decode(self, index: int, *, unbounded: bool = False) -> pa.Array:
        layout = self.layout
        wire_type, field = layout.wire_types[index], layout.schema.field(index)
        return decode_column(self._block, index, wire_type, field, layout.where, unbounded=unbounded)
