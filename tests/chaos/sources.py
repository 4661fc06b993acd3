"""Sources of rows over a ledger: one with checkpoints, one with partitions, one in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from acme_sdk import Checkpoint, ConnectorConfig, Partition, Position, Row, SourceConnector, Stream
from tests.chaos.ledger import ITEMS, SCHEMA, Ledger, Record, items_of

__all__ = ["ROW_SOURCES", "InOrder", "InPartitions", "WithCheckpoints"]

_PAGE = 500
_PARTS = 3


class LedgerSource(SourceConnector):
    """The records of a ledger whose cursor is the wanted one or higher."""

    ordered = False

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        return {"ledger": {"type": "object", "required": True}}

    def setup(self, config: ConnectorConfig) -> None:
        self.ledger = Ledger.from_json(dict(config["ledger"]))

    def streams(self) -> list[Stream]:
        schema = SCHEMA.append(ITEMS) if self.ledger.nested else SCHEMA
        return [Stream("orders", schema, ("id",), "changed", ordered=self.ordered)]

    def found(self, position: Position, begin: int = 0) -> Iterator[tuple[int, Record]]:
        for index, record in enumerate(self.ledger.records(begin), begin):
            if position.cursor is None or record[1] >= position.cursor:
                yield index, record

    def row(self, record: Record) -> Row:
        row = Row(zip(SCHEMA.names, record, strict=True))
        return Row(row, items=[{"v": text} for text in items_of(record)]) if self.ledger.nested else row


class WithCheckpoints(LedgerSource):
    """Pages, with a checkpoint after each."""

    def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
        begin = position.checkpoint["next"] if position.checkpoint else 0
        for number, (index, record) in enumerate(self.found(position, begin), 1):
            yield self.row(record)
            if number % _PAGE == 0:
                yield Checkpoint({"next": index + 1})


class InPartitions(WithCheckpoints):
    """Pages of the records whose id divided by the number of partitions has a certain rest."""

    def partitions(self, stream: Stream) -> Sequence[Partition]:
        return [Partition(f"rest {rest}", {"rest": rest}) for rest in range(_PARTS)]

    def found(self, position: Position, begin: int = 0) -> Iterator[tuple[int, Record]]:
        assert position.partition is not None
        for index, record in super().found(position, begin):
            if record[0] % _PARTS == position.partition.values["rest"]:
                yield index, record

    def row(self, record: Record) -> Row:
        row = Row(zip(SCHEMA.names, record, strict=True))
        return Row(row, items=[{"v": text} for text in items_of(record)]) if self.ledger.nested else row


class InOrder(LedgerSource):
    """Records by ascending cursor, without checkpoints."""

    ordered = True

    def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
        for _, record in self.found(position):
            yield self.row(record)


ROW_SOURCES: dict[str, type[LedgerSource]] = {
    "checkpoints": WithCheckpoints,
    "partitions": InPartitions,
    "ordered": InOrder,
}
