"""Arrow's functions on columns, by their names in `pyarrow.compute`.

Its import makes a wrapper for each of some 300 functions, which takes as long as to load 10,000 rows. Those
that a cursor needs are called without one; with any other it is imported.
"""

from __future__ import annotations

from typing import Any

__all__ = ["and_", "cast", "filter", "invert", "is_null", "less", "max"]


def and_(one: Any, other: Any) -> Any:
    """Tell where both are true; null where one is null."""
    return _call("and", one, other)


def cast(values: Any, kind: Any) -> Any:
    """Return values of another type; what that does not hold is an error."""
    from pyarrow._compute import CastOptions

    return _call("cast", values, options=CastOptions.safe(kind))


def filter(values: Any, mask: Any) -> Any:
    """Return the values where a mask is true."""
    return _call("filter", values, mask)


def invert(values: Any) -> Any:
    """Return true for false, and false for true."""
    return _call("invert", values)


def is_null(values: Any, *, nan_is_null: bool = False) -> Any:
    """Tell where a value is missing."""
    from pyarrow._compute import NullOptions

    return _call("is_null", values, options=NullOptions(nan_is_null=nan_is_null))


def less(one: Any, other: Any) -> Any:
    """Tell where the first is less than the second."""
    return _call("less", one, other)


def max(values: Any) -> Any:
    """Return the highest value."""
    return _call("max", values)


def _call(name: str, *values: Any, options: Any = None) -> Any:
    from pyarrow._compute import call_function

    return call_function(name, list(values), options)


def __getattr__(name: str) -> Any:
    import pyarrow.compute

    return getattr(pyarrow.compute, name)
