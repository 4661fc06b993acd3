"""How a target's answers say that there are more, found out by comparing a page with the last one."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass

from acme_sdk.testing.documents import Path, find, records_path, walk
from acme_sdk.testing.exchanges import Exchange
from acme_sdk.testing.faults import Answer, Replay

__all__ = ["Paging"]

_MORE = re.compile(r"more|next|cursor|continuation|last_?page|is_?last", re.IGNORECASE)
_LINK = re.compile(r'rel="?next"?', re.IGNORECASE)


@dataclass(frozen=True)
class Paging:
    """One list of records that came in several pages.

    Attributes:
        pages: Its exchanges, in order; all but the last say that there are more.
        numbers: The number of each among all exchanges, from 1.
        records: Where in the document the records are.
    """

    pages: tuple[Exchange, ...]
    numbers: tuple[int, ...]
    records: Path

    @classmethod
    def of(cls, exchanges: Sequence[Exchange]) -> Paging | None:
        """Return the first list of several pages whose answers say if there are more, or ``None``."""
        for path in dict.fromkeys(exchange.path for exchange in exchanges):
            numbers = tuple(n for n, exchange in enumerate(exchanges, 1) if exchange.path == path)
            pages = tuple(exchanges[number - 1] for number in numbers)
            if len(pages) < 2 or not all(isinstance(page.document, (dict, list)) for page in pages):
                continue
            records = records_path(pages[0].document)
            end = _end(pages)
            if records is not None and end is not None:
                return cls(pages[: end + 1], numbers[: end + 1], records)
        return None

    def rows_on(self, index: int) -> int:
        """Return how many records a page has."""
        found = find(self.pages[index].document, self.records)
        return len(found) if isinstance(found, list) else 0

    def emptied(self, index: int) -> Answer:
        """Return a page without its records; all else stays, so that it says that there are more."""
        document = copy.deepcopy(self.pages[index].document)
        if not self.records:
            return self.pages[index].answer([])
        *above, name = self.records
        find(document, tuple(above))[name] = []
        return self.pages[index].answer(document)

    def replay(self, times: int, longer: int = 1) -> Replay:
        """Return a fault in which the first page comes again and again, and then the last one.

        Args:
            times: How often it comes.
            longer: How often its records are on it.
        """
        document = copy.deepcopy(self.pages[0].document)
        records = find(document, self.records)
        records *= longer
        return Replay(self.pages[0].answer(document), self.pages[-1].answer(), self.numbers[0], times)


def _end(pages: Sequence[Exchange]) -> int | None:
    """Return the index of the first page on which something in the answers changes that tells of more."""
    ends = [_change([bool(_LINK.search(page.link)) for page in pages])]
    scalars = [{path: value for path, value in walk(page.document) if path} for page in pages]
    for path in {path for found in scalars for path in found if _MORE.search(path[-1])}:
        values = [found.get(path) for found in scalars]
        if not any(isinstance(value, (list, dict)) for value in values):
            ends.append(_change([bool(value) for value in values]))
    return min((end for end in ends if end is not None), default=None)


def _change(values: list[bool]) -> int | None:
    return next((index for index, value in enumerate(values) if value != values[0]), None)
