"""Rows as ``COPY … (FORMAT binary)`` sends them, taken apart into Arrow buffers."""

from typing import TypeAlias

import pyarrow as pa

__all__ = ["Block", "InvalidDataError", "NotRepresentableError"]

#: Validity, ``None`` if no value is ``NULL``; offsets, of values of variable length; values.
_Buffers: TypeAlias = tuple[pa.Buffer | None, pa.Buffer]
_VariableBuffers: TypeAlias = tuple[pa.Buffer | None, pa.Buffer, pa.Buffer]

class InvalidDataError(ValueError):
    """Bytes that Postgres would not have sent."""

class NotRepresentableError(ValueError):
    """A value without a place in its column's type.

    Attributes:
        value: Its bytes, as Postgres sent them.
    """

    value: bytes

class Block:
    """Whole rows, taken apart column by column.

    Each method returns the buffers of the Arrow array that a column becomes. Columns are counted from 0.
    They raise `InvalidDataError` where a value's bytes are not of the expected type.

    Args:
        data: The rows, without header and trailer.
        columns: How many columns each row has.
        rows: How many rows there are.

    Attributes:
        rows: How many rows there are.

    Raises:
        InvalidDataError: These are not so many rows, to the byte.
    """

    rows: int
    def __init__(self, data: bytes, columns: int, rows: int) -> None: ...
    def booleans(self, index: int) -> _Buffers:
        """Read ``bool``."""

    def numbers(
        self, index: int, width: int, epoch: int = ..., lowest: int = ..., highest: int = ...
    ) -> _Buffers:
        """Read integers of 2, 4 or 8 bytes, or floats by their bits.

        Args:
            index: The column.
            width: Bytes of a number, in Postgres and in Arrow.
            epoch: What is added to each.
            lowest: The lowest number that may be there.
            highest: The highest one.

        Raises:
            NotRepresentableError: A number is lower or higher.
        """

    def decimals(self, index: int, precision: int, scale: int) -> _Buffers:
        """Read ``numeric`` as ``decimal128``, or as ``decimal256`` above 38 digits.

        Raises:
            NotRepresentableError: A number is infinite, none, or has more digits before or after the point.
        """

    def fixed(self, index: int, width: int) -> _Buffers:
        """Read values of so many bytes, as they are."""

    def variable(self, index: int, version: int = ...) -> _VariableBuffers:
        """Read text or bytes, as they are.

        Args:
            index: The column.
            version: The byte that is in front of each value, if it is not 0.
        """

    def printed_numbers(self, index: int) -> _VariableBuffers:
        """Read ``numeric`` as text, as Postgres prints it.

        Raises:
            OverflowError: All together have more than 2 GiB.
        """
