"""What the source holds: records that follow from a number each, so that no process needs to be told them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from acme_sdk import WriteMode

__all__ = ["ITEMS", "SCHEMA", "Item", "Ledger", "Record", "items_of"]

Record = tuple[int, int, int, str, Decimal, datetime, str | None]
#: An item's record, its place there, and what it says.
Item = tuple[int, int, str]

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("changed", pa.int64()),
        ("generation", pa.int64()),
        ("v", pa.string()),
        ("paid", pa.decimal128(12, 2)),
        ("seen", pa.timestamp("us", "UTC")),
        ("note", pa.string()),
    ]
)

#: A column with the items of a record.
ITEMS = pa.field("items", pa.list_(pa.struct([("v", pa.string())])))

_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
# Several records have the same cursor value, so that a sync often begins in the midst of such.
_TIES = 7
# A step from one changed record to the next; prime, so that it comes by all of them.
_STRIDE = 7919


@dataclass(frozen=True)
class Ledger:
    """A log of records in the order in which they were written; the cursor ``changed`` never goes back.

    Attributes:
        mode: What the log is like: with `WriteMode.UPSERT`, records after the first ``base`` ones change
            earlier ones, otherwise each has an ``id`` of its own.
        base: How many there were in the beginning.
        length: How many there are.
        generation: A number in each record; with `WriteMode.OVERWRITE`, all records get another now and then.
        width: The length of the text in each record, which makes batches small or large.
        nested: Whether each record has a list of items.
    """

    mode: WriteMode
    base: int
    length: int
    generation: int = 0
    width: int = 100
    nested: bool = False

    def grown(self, records: int) -> Ledger:
        """The ledger after so many more records."""
        return replace(self, length=self.length + records)

    def rewritten(self, length: int) -> Ledger:
        """The ledger after all records were replaced by so many others."""
        return replace(self, length=length, generation=self.generation + 1)

    def records(self, begin: int = 0) -> Iterator[Record]:
        """The log from an index on."""
        text = "x" * self.width
        for index in range(begin, self.length):
            changed = self.mode is WriteMode.UPSERT and index >= self.base
            key = index * _STRIDE % self.base if changed else index
            yield (
                key,
                index // _TIES,
                self.generation,
                f"{index}:{text}",
                Decimal(index * 37 % 1_000_000) / 100,
                _EPOCH + timedelta(seconds=index, microseconds=index % 1000),
                None if index % 3 else f"note {index}",
            )

    def table(self) -> list[Record]:
        """What a target must hold in the end: of each ``id`` the last record."""
        return list({record[0]: record for record in self.records()}.values())

    def items(self) -> list[Item]:
        """What a target must hold of the items of these records."""
        if not self.nested:
            return []
        return [(record[0], *item) for record in self.table() for item in enumerate(items_of(record))]

    def to_json(self) -> dict[str, Any]:
        """JSON-safe values."""
        return vars(self) | {"mode": self.mode.value}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Ledger:
        """Rebuild what `to_json` returned."""
        return cls(**{**values, "mode": WriteMode(values["mode"])})


def items_of(record: Record) -> list[str]:
    """What the items of a record say: it has up to three of them, and other ones with each change."""
    index = int(record[3].partition(":")[0])
    return [f"{record[2]}/{index}/{number}" for number in range(index % 4)]
