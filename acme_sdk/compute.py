"""Arrow's functions on columns, as in `pyarrow.compute`, which is imported when the first one is called.

Its import makes a wrapper for each of some 300 functions: a seventh of what a sync takes to come up, and many
syncs call none.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    import pyarrow.compute

    return getattr(pyarrow.compute, name)
