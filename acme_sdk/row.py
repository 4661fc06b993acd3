"""`Row`: one record on its way from a source to a destination."""

from __future__ import annotations

from typing import Any

__all__ = ["Row"]


class Row(dict[str, Any]):
    """One record: column names to values.

    A row is a dictionary that owns its data: building one copies the mapping it is given, so that a source
    may reuse its own dictionary for the next record. Values may be ``None``, ``bool``, ``int``, ``float``,
    ``str``, ``bytes``, ``Decimal``, ``date``, ``time``, ``datetime``, ``timedelta``, ``UUID``, and lists and
    dictionaries of these, which travel as JSON.

    >>> row = Row({"id": 1, "name": "Ada"})
    >>> row["name"], row.get("email"), row.to_dict()
    ('Ada', None, {'id': 1, 'name': 'Ada'})
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the row's columns and values as a plain dictionary of its own."""
        return dict(self)

    def __repr__(self) -> str:
        return f"Row({dict.__repr__(self)})"
