"""Rows in the order of several columns, compared one after the other as in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa

from acme_sdk import compute as pc

__all__ = ["has_all", "highest", "not_below", "precedes"]


def has_all(columns: Sequence[pa.Array]) -> pa.BooleanArray:
    """Tell for each row whether it has a value, and not NaN, in all columns."""
    return reduce(pc.and_, (pc.invert(pc.is_null(column, nan_is_null=True)) for column in columns))


def highest(columns: Sequence[pa.Array]) -> tuple[pa.Scalar, ...] | None:
    """Return the values of the highest row; ``None`` if no row `has_all`."""
    complete = has_all(columns)
    rest = [pc.filter(column, complete) for column in columns] if complete.false_count else list(columns)
    if not len(rest[0]):
        return None
    found = []
    while True:
        found.append(pc.max(rest[0]))
        if len(rest) == 1:
            return tuple(found)
        same = pc.equal(rest[0], found[-1])
        rest = [pc.filter(column, same) for column in rest[1:]]


def not_below(
    values: Sequence[pa.Array | pa.Scalar], others: Sequence[pa.Array | pa.Scalar]
) -> pa.BooleanArray:
    """Tell for each row whether its values are the others or come after them: ``(a, b) >= (x, y)``.

    Null where that depends on a missing value. Where one side has fewer columns, only those count.
    """
    *first, (value, other) = zip(values, others, strict=False)
    found = pc.greater_equal(value, other)
    for value, other in reversed(first):
        found = pc.or_kleene(pc.greater(value, other), pc.and_kleene(pc.equal(value, other), found))
    return found


def precedes(values: Sequence[pa.Scalar], others: Sequence[pa.Scalar]) -> bool:
    """Tell whether values come before others; the first ones alone come before all that begin with them."""
    for value, other in zip(values, others, strict=False):
        if pc.less(value, other).as_py():
            return True
        if pc.less(other, value).as_py():
            return False
    return len(values) < len(others)
