"""An extraction from a target that has some odd records, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from types import FrameType
from typing import Any, NamedTuple

from acme_sdk.testing.attempts import hurried
from acme_sdk.testing.caught import errors_noted
from acme_sdk.testing.documents import Path, find
from acme_sdk.testing.extraction import Extraction
from acme_sdk.testing.faults import Answer, Fault, FaultServer, decoded
from acme_sdk.testing.findings import Skip
from acme_sdk.testing.listings import ROWS_LOOKED_AT, Listing
from acme_sdk.testing.subject import Subject

__all__ = ["Change", "Dropped", "Oddities", "Trial"]

# An error over one odd record hides what would become of the next.
_MOST_TRIALS = 6


class Change(NamedTuple):
    """What makes a record odd.

    Attributes:
        field: Where in the record.
        value: What is there instead.
    """

    field: Path
    value: Any

    def __str__(self) -> str:
        return f"{json.dumps(self.value)} in {'.'.join(self.field)!r}"


class Dropped(NamedTuple):
    """An odd record that is missing though an error was raised over it.

    Attributes:
        changes: What made it odd.
        error: What was raised, and caught.
    """

    changes: tuple[Change, ...]
    error: Exception


class _Odd(NamedTuple):
    """A record, by its list and its key."""

    listing: int
    key: str


@dataclass
class Oddities:
    """Odd values in some records of a target's answers.

    Attributes:
        listings: The lists that have odd records.
        records: Which records are odd, and in what.
        met: How many there were in the answers that went by.
    """

    listings: Sequence[Listing]
    records: dict[_Odd, tuple[Change, ...]]
    met: int = 0

    @classmethod
    def among(
        cls,
        listings: Sequence[Listing],
        changes: Sequence[Sequence[Change]],
        chance: Random,
        without: set[Change],
    ) -> Oddities:
        """Choose a record for each change; several share one only where records are few.

        Args:
            listings: The lists.
            changes: What is to be odd, by list.
            chance: What chooses.
            without: What is to be left out.
        """
        chosen: dict[_Odd, tuple[Change, ...]] = {}
        for number, (listing, wanted) in enumerate(zip(listings, changes, strict=True)):
            free = list(listing.records)
            chance.shuffle(free)
            for change in wanted:
                key = next(
                    (key for key in free if find(listing.records[key], change.field) is not None), None
                )
                if key is None or change in without:
                    continue
                # Its turn comes again after all the others.
                free.remove(key)
                free.append(key)
                odd = _Odd(number, key)
                chosen[odd] = (*chosen.get(odd, ()), change)
        return cls(listings, chosen)

    def spoil(self, answer: Answer) -> Answer:
        """Put the odd values into the records of an answer, if they are there."""
        try:
            document = json.loads(decoded(answer))
        except ValueError:
            return answer
        met = self.met
        for number, listing in enumerate(self.listings):
            records = find(document, listing.path)
            for record in records if isinstance(records, list) else []:
                if not isinstance(record, dict) or frozenset(record) != listing.names:
                    continue
                for change in self.records.get(_Odd(number, str(find(record, listing.key))), ()):
                    *above, name = change.field
                    if isinstance(holder := find(record, tuple(above)), dict):
                        holder[name] = change.value
                        self.met += 1
        if self.met == met:
            return answer
        headers = {name: text for name, text in answer.headers.items() if name.lower() != "content-encoding"}
        return Answer(answer.status, headers, json.dumps(document, ensure_ascii=False).encode())

    def identify(self, values: Sequence[Any]) -> set[_Odd]:
        """Return which records are among some values, odd or not."""
        return {
            _Odd(number, key)
            for value in values
            if isinstance(value, dict)
            for number, listing in enumerate(self.listings)
            if (key := listing.key_of(value)) is not None
        }


@dataclass
class Trial:
    """How an extraction with odd records went.

    Attributes:
        oddities: What was odd.
        seen: The rows.
        error: What it ended in, if in an error.
        rejected: The records that the connector put aside.
    """

    oddities: Oddities
    seen: Extraction = field(default_factory=Extraction)
    error: Exception | None = None
    rejected: list[Any] = field(default_factory=list)
    _errors: dict[_Odd, list[tuple[str, Exception]]] = field(default_factory=dict)
    _last: set[_Odd] = field(default_factory=set)
    _usual: set[str] = field(default_factory=set)

    @classmethod
    def until_the_end(
        cls, subject: Subject, listings: Sequence[Listing], changes: Sequence[Sequence[Change]], purpose: str
    ) -> Trial:
        """Extract with odd records, and again without those that ended the extraction.

        Args:
            subject: What to extract with.
            listings: The lists that have odd records.
            changes: What makes them odd, by list.
            purpose: What it is for: for each purpose chance chooses other records.

        Raises:
            Skip: The target had other records this time.
        """
        refused: set[Change] = set()
        chance = subject.chance(purpose)
        trial = cls.of(subject, Oddities.among(listings, changes, chance, refused))
        for _ in range(_MOST_TRIALS - 1):
            if trial.error is None or trial.refused <= refused:
                break
            refused |= trial.refused
            oddities = Oddities.among(listings, changes, chance, refused)
            if not oddities.records:
                break
            trial = cls.of(subject, oddities)
        if not trial.oddities.met:
            raise Skip("the target had other records the second time")
        return trial

    @classmethod
    def of(cls, subject: Subject, oddities: Oddities) -> Trial:
        """Extract everything while some records are odd."""
        trial = cls(oddities)

        def keep(_: Any, row: Mapping[str, Any], __: str) -> None:
            trial.rejected.append(row)

        with (
            FaultServer(Fault(None, spoil=oddities.spoil)) as server,
            hurried(),
            errors_noted(subject.file, trial._note),
        ):
            try:
                with (
                    subject.open(http=server.session(), _on_reject=keep) as connector,
                    subject.watching(ROWS_LOOKED_AT) as trial.seen,
                ):
                    server.arm()
                    trial.seen.watch(subject.read(connector))
            except Exception as caught:  # noqa: BLE001 - an odd record may well be refused
                trial.error = caught
        return trial

    @property
    def refused(self) -> set[Change]:
        """What made the records odd over which the last error was raised: the one that was not caught."""
        return {change for odd in self._last for change in self.oddities.records[odd]}

    def dropped(self, usual: Extraction) -> Dropped | None:
        """Return an odd record that was dropped because of an error.

        One that is left out on purpose raises no error; where errors are raised over other records, too, they
        are the connector's way.

        Args:
            usual: An extraction in which no record was odd.
        """
        aside = self.oddities.identify(self.rejected)
        for odd, changes in self.oddities.records.items():
            listing = self.oddities.listings[odd.listing]
            missing = usual.counts[listing.stream] - self.seen.counts[listing.stream]
            kept = self.seen.kept.get(listing.stream, [])
            if missing <= len(self.rejected) or odd in aside:
                continue
            if any(str(row.get(listing.column)) == odd.key for row in kept):
                continue
            for where, error in self._errors.get(odd, []):
                if where not in self._usual:
                    return Dropped(changes, error)
        return None

    def _note(self, frame: FrameType, error: Exception) -> None:
        """Remember an error by the record that its frame has in hand."""
        where = f"{frame.f_code.co_filename}:{frame.f_lineno}: {type(error).__name__}"
        records = self.oddities.identify(list(frame.f_locals.values()))
        odd = {record for record in records if record in self.oddities.records}
        self._last = odd or self._last
        for record in odd:
            self._errors.setdefault(record, []).append((where, error))
        if records and not odd:
            self._usual.add(where)
