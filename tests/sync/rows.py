"""A source of given rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from acme_sdk import Row, SourceConnector
from acme_sdk.catalog import Stream


class Rows(SourceConnector):
    """A stream of given rows."""

    def __init__(self, *rows: Mapping[str, Any], name: str = "rows", **stream: Any) -> None:
        self.rows = rows
        self.stream = Stream(name, **stream)

    def streams(self) -> Sequence[Stream]:
        return [self.stream]

    def extract(self, last_run: Any = None) -> Iterator[Row]:
        yield from map(Row, self.rows)

    def health_check(self) -> bool:
        return True
