"""JSON texts of many values, one after the other in one buffer."""

from collections.abc import Callable
from typing import Any

__all__ = ["write_json"]

def write_json(values: list[Any], other: Callable[[Any], str]) -> tuple[bytes, bytes]:
    """Write values as JSON without spaces, in UTF-8.

    Args:
        values: The values; nothing is written for ``None``.
        other: Writes a value that is more than ``str``, ``int`` of 64 bits, finite ``float``, ``bool``,
            ``None``, and ``dict`` and ``list`` of these, up to a hundred deep.

    Returns:
        Where the texts begin and where the last one ends, as integers of 32 bits; the texts.

    Raises:
        UnicodeEncodeError: Text has half a surrogate pair.
        OverflowError: The texts are longer than 2 GiB.
    """
