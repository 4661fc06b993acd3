"""Orders as rows: a custom source that costs next to nothing, so that the way of its rows is measured.

The columns are those of the benchmark's table ``orders``. Values repeat after a few thousand rows; ``id``
does not. Each row is a new `Row` all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import md5
from typing import Any
from uuid import UUID

from acme.sdk import ConnectorConfig, Row, SourceConnector

_STATUSES = ("new", "paid", "shipped", "returned", "cancelled")
_PREPARED = 4096


class OrderRowsSource(SourceConnector):
    """Yields orders from memory."""

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Return the configuration's fields."""
        return {"rows": {"type": "integer", "default": 1_000_000, "minimum": 0}}

    def setup(self, config: ConnectorConfig) -> None:
        """Take over the number of rows."""
        self._rows: int = config["rows"]

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        """Yield so many new rows."""
        prepared = [_order(number) for number in range(1, _PREPARED + 1)]
        for number in range(self._rows):
            row = Row(prepared[number % _PREPARED])
            row["id"] = number + 1
            yield row

    def health_check(self) -> bool:
        """There is nothing that could fail."""
        return True


def _order(number: int) -> dict[str, Any]:
    """Return the order of a number, as the table has it."""
    text = f"order {number} {_digest(number * 3)}{_digest(number * 5)[:16]}"
    return {
        "id": number,
        "customer_id": number * 7919 % 50_000,
        "order_uuid": UUID(hex=_digest(number)),
        "status": _STATUSES[number % 5],
        "description": text,
        "amount": Decimal(number * 104_729 % 1_000_000).scaleb(-2),
        "score": math.sqrt(number) * 1.000001,
        "is_paid": number % 3 == 0,
        "order_date": date(2020, 1, 1) + timedelta(days=number % 1800),
        "updated_at": datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=1.7) * number,
        "meta": {"k": number % 100, "tag": f"t{number % 17}", "items": [number % 7, number % 11]},
        "note": None if number % 4 == 0 else f"note {number % 1000}",
    }


def _digest(number: int) -> str:
    return md5(str(number).encode(), usedforsecurity=False).hexdigest()
