"""Lists of records in a target's answers, each record of which came as a row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from acme_sdk.cursor import cursor_columns
from acme_sdk.testing.documents import Path, find, records_path, walk
from acme_sdk.testing.exchanges import Exchange
from acme_sdk.testing.subject import Subject

__all__ = ["ROWS_LOOKED_AT", "Listing"]

#: How many rows of a stream are compared with the records.
ROWS_LOOKED_AT = 5_000
_FEWEST_RECORDS = 3
_KEYS = re.compile(r"(^|_)(id|uuid|guid|key|pk)$")
_PAGING = re.compile(r"more|next|prev|cursor|continuation|token|page|offset|limit|total|count$|has_")


@dataclass(frozen=True)
class Listing:
    """One list of records of the same kind.

    Attributes:
        path: Where in an answer the list is.
        names: The names of the members of each record.
        key: Where in a record is what tells it from the others.
        records: Those that came as rows, without the first and the last of them, by the text of their keys.
        fields: Where in a record there are values that no others depend on.
        stream: The stream that the rows belong to.
        column: The column with the key.
    """

    path: Path
    names: frozenset[str]
    key: Path
    records: Mapping[str, Any]
    fields: tuple[Path, ...]
    stream: str
    column: str

    @classmethod
    def all_of(cls, subject: Subject) -> list[Listing]:
        """Return one list of each kind of record that a source reads."""
        found: dict[frozenset[str], Listing] = {}
        asked = _asked(subject.exchanges)
        for exchange in subject.exchanges:
            path = records_path(exchange.document)
            records = [] if path is None else find(exchange.document, path)
            if path is None or len(records) < _FEWEST_RECORDS or frozenset(records[0]) in found:
                continue
            listing = cls._of(subject, path, records, asked)
            if listing is not None:
                found[listing.names] = listing
        return list(found.values())

    @classmethod
    def _of(
        cls, subject: Subject, path: Path, records: Sequence[dict[str, Any]], asked: set[str]
    ) -> Listing | None:
        for key in _keys(records):
            by_key = {str(find(record, key)): record for record in records}
            for stream, column, values in _columns(subject, key[-1], next(iter(by_key))):
                came = {text: record for text, record in by_key.items() if values[text] == 1}
                if len(came) < _FEWEST_RECORDS:
                    continue
                declared = next(item for item in subject.declared if item.name == stream)
                apart = {*declared.primary_key, *cursor_columns(declared.cursor_field), key[-1]}
                fields = tuple(
                    field
                    for field in _scalars(records[0])
                    if field[-1] not in apart and _is_free(field, list(came.values()), asked)
                )
                middle = dict(list(came.items())[1:-1])
                if fields:
                    return cls(path, frozenset(records[0]), key, middle, fields, stream, column)
        return None

    def key_of(self, record: Any) -> str | None:
        """Return the text of a record's key, also if only the innermost object of it is given."""
        for path in (self.key, self.key[-1:]):
            value = find(record, path)
            if value is not None and not isinstance(value, (dict, list)):
                return str(value)
        return None


def _asked(exchanges: Sequence[Exchange]) -> set[str]:
    """Return what is in the addresses that were asked."""
    found: set[str] = set()
    for url in {exchange.url for exchange in exchanges}:
        parts = urlsplit(url)
        found |= {url, *map(unquote, parts.path.split("/")), *(value for _, value in parse_qsl(parts.query))}
    return found


def _scalars(record: Any) -> list[Path]:
    return [path for path, value in walk(record) if path and not isinstance(value, (dict, list))]


def _keys(records: Sequence[dict[str, Any]]) -> Iterator[Path]:
    """Yield the places of values that tell records apart, those that are named so first."""
    for path in sorted(_scalars(records[0]), key=lambda path: not _KEYS.search(_words(path[-1]))):
        values = [find(record, path) for record in records]
        plain = all(isinstance(value, (str, int)) and not isinstance(value, bool) for value in values)
        if plain and len(set(map(str, values))) == len(values):
            yield path


def _columns(subject: Subject, name: str, sought: str) -> Iterator[tuple[str, str, Counter[str]]]:
    """Yield the columns that hold a value, and how often each value is in them; those of a name first."""
    for stream, column in sorted(subject.baseline.kinds, key=lambda known: known[1] != name):
        values = [str(row.get(column)) for row in subject.baseline.kept[stream][:ROWS_LOOKED_AT]]
        if sought in values:
            yield stream, column, Counter(values)


def _is_free(field: Path, records: Sequence[dict[str, Any]], asked: set[str]) -> bool:
    """Tell whether nothing but its own column should depend on a field."""
    name = _words(field[-1])
    if _KEYS.search(name) or _PAGING.search(name):
        return False
    values = [value for record in records if (value := find(record, field)) is not None]
    if any(isinstance(value, (bool, dict, list)) for value in values) or len(set(map(str, values))) < 2:
        return False
    return sum(str(value) in asked for value in values) <= len(values) // 2


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
