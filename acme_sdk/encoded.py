"""Batches in a form of their own, which a destination that knows it takes without any decoding.

A source that reads ``COPY BINARY`` from Postgres has what a Postgres target wants, byte for byte. It yields
an `EncodedBatch`; everybody else decodes it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

import pyarrow as pa

__all__ = ["Columns", "EncodedBatch", "decoded"]


class EncodedBatch(ABC):
    """Some records of a stream, in a form that is the source's.

    Attributes:
        encoding: A name for the form, which `acme_sdk.load.Load.encodings` lists where it is understood.
        schema: The records' columns, as `decode` has them.
        num_rows: How many records there are.
        nbytes: The size in bytes.
    """

    encoding: ClassVar[str]
    schema: pa.Schema
    num_rows: int
    nbytes: int

    @abstractmethod
    def column(self, name: str) -> pa.Array:
        """Return one column, without decoding the others."""

    @abstractmethod
    def decode(self) -> pa.RecordBatch:
        """Return the records as columns.

        Raises:
            AcmeError: A value has no place in its column's type; the error names the column.
        """

    def decode_unbounded(self) -> pa.RecordBatch:
        """Return the records with any date and timestamp, also before the year 1 and after 9999.

        The largest integer stands for infinity, and its negative for -infinity. By default as `decode`.

        Raises:
            AcmeError: As in `decode`.
        """
        return self.decode()

    def renamed(self, names: Sequence[str]) -> Columns:
        """Return the records with other names for their columns. By default they are decoded for it.

        Args:
            names: One for each column.
        """
        return self.decode().rename_columns(list(names))


#: What a batch of records can be.
Columns: TypeAlias = pa.RecordBatch | EncodedBatch


def decoded(columns: Columns) -> pa.RecordBatch:
    """Return a batch as an Arrow record batch, whatever it is."""
    return columns.decode() if isinstance(columns, EncodedBatch) else columns
