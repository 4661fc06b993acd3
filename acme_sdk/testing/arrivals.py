"""What arrived at a destination's target: what it reads back, or else what was sent to it."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from acme_sdk.destination import DestinationConnector
from acme_sdk.http import HttpSession
from acme_sdk.row import Row
from acme_sdk.testing.exchanges import Exchange, listened
from acme_sdk.testing.subject import Subject

__all__ = ["Arrived", "Sent", "Table", "id_of", "observed", "reads_back"]

#: The records that arrived, by the ``id`` of the row that they were made of.
Arrived = Mapping[int, list[Mapping[str, Any]]]

_GZIP = b"\x1f\x8b"


def reads_back(kind: type) -> bool:
    """Tell whether the author wrote a ``read_back()``."""
    return getattr(kind, "read_back", None) is not DestinationConnector.read_back


@contextmanager
def observed(subject: Subject) -> Iterator[tuple[DestinationConnector, Table | Sent]]:
    """Set a destination up for the time of a ``with`` block, and see what arrives."""
    if reads_back(subject.kind):
        with subject.open() as connector:
            yield connector, Table(connector)
        return
    session = HttpSession()
    heard = listened(session)
    with subject.open(http=session) as connector:
        yield connector, Sent(heard)


class Table:
    """The target as ``read_back()`` shows it.

    Args:
        connector: A destination that has one.
    """

    def __init__(self, connector: DestinationConnector) -> None:
        self._connector = connector
        self._before = Counter(map(id_of, connector.read_back()))

    def arrived(self, rows: Sequence[Row]) -> Arrived:
        """Return the records of some rows that are there and were not at the last call."""
        ids, before, self._before = {row["id"] for row in rows}, self._before, Counter()
        found: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for record in self._connector.read_back():
            number = id_of(record)
            self._before[number] += 1
            if number in ids and self._before[number] > before[number]:
                found[number].append(record)
        return found


class Sent:
    """The JSON that the target took from ``self.http``, be it one document or one a line.

    Args:
        heard: What was sent, from now on; it is emptied.
    """

    def __init__(self, heard: list[Exchange]) -> None:
        self._heard = heard
        heard.clear()

    def arrived(self, rows: Sequence[Row]) -> Arrived:
        """Return the records of some rows that were taken since the last call.

        What several addresses took, for instance to validate it first, counts once.
        """
        given = {row["id"]: row for row in rows}
        addresses: dict[str, defaultdict[int, list[Mapping[str, Any]]]] = {}
        for exchange in self._heard:
            if not 200 <= exchange.status < 300:
                continue
            took = addresses.setdefault(exchange.path, defaultdict(list))
            for record in _objects(list(_documents(exchange.sent))):
                if id_of(record) in given:
                    took[id_of(record)].append(record)
        self._heard.clear()
        found: dict[int, list[Mapping[str, Any]]] = {}
        for took in addresses.values():
            for number, records in took.items():
                alike = _most_like(given[number], records)
                found[number] = max(found.get(number, []), alike, key=len)
        return found


def id_of(record: Mapping[str, Any]) -> int:
    """Return a record's ``id`` as a number, -1 if it has none."""
    value = str(record.get("id"))
    return int(value) if value.isdecimal() else -1


def _most_like(row: Row, records: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out what only refers to a record, such as the action before it in a bulk request."""
    common = [len(row.keys() & record.keys()) for record in records]
    return [record for record, count in zip(records, common, strict=True) if count == max(common)]


def _documents(body: Any) -> Iterator[Any]:
    """Yield the JSON documents in a request's body; nothing if there is something else in it."""
    if isinstance(body, bytes):
        try:
            body = (gzip.decompress(body) if body.startswith(_GZIP) else body).decode()
        except (OSError, EOFError, UnicodeDecodeError):
            return
    if not isinstance(body, str):
        return
    for text in ([body], body.split("\n")):
        try:
            yield from [json.loads(part) for part in text if part.strip()]
        except ValueError:
            continue
        return


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON objects in a document, at any depth."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _objects(item)
