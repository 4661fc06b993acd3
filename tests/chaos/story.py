"""A pipeline's story: syncs that are struck and started again, while the source changes in between."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from acme_sdk import WriteMode
from tests.chaos.arena import Arena
from tests.chaos.ledger import Ledger
from tests.chaos.origins import Origin
from tests.chaos.runner import FAILED
from tests.chaos.targets import ITEMS_SUFFIX, Target
from tests.chaos.victim import After, Line, Moment, Once, Victim
from tests.chaos.watcher import Watcher

__all__ = ["Counts", "Scenario", "play", "specified"]

_TABLE = "t"
_REHEARSAL = "rehearsal"
_OURS = {"_acme_checkpoints", *(name + end for name in (_TABLE, _REHEARSAL) for end in ("", ITEMS_SUFFIX))}
_LONGEST_DELAY_S = 0.03


@dataclass(frozen=True)
class Scenario:
    """What is synced, and what happens to it.

    Attributes:
        mode: The write mode.
        source: The kind of source: ``postgres``, or one of `tests.chaos.sources.ROW_SOURCES`.
        destination: The kind of destination.
        strike: What is struck: the ``process``, or the database at one end: ``source``, ``destination``.
        nested: Whether records have a list of items, which go into a child table.
    """

    mode: WriteMode
    source: str
    destination: str
    strike: str = "process"
    nested: bool = False

    def __str__(self) -> str:
        records = "nested records" if self.nested else self.source
        name = f"{self.mode} from {records} to {self.destination}"
        return name if self.strike == "process" else f"{name}, {self.strike} stopped"


@dataclass
class Counts:
    """What happened.

    Attributes:
        runs: Syncs that were begun.
        kills: Those that were killed, or whose database was stopped, before they had ended.
        lost: Rows that a target lacked in the end.
        twice: Rows that it had once too often.
        looks: How often readers looked at it meanwhile.
        problems: What was wrong, in words.
    """

    runs: int = 0
    kills: int = 0
    lost: int = 0
    twice: int = 0
    looks: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, other: Counts) -> None:
        """Count another story in."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def play(arena: Arena, scenario: Scenario, kills: int, seed: int) -> Counts:
    """Sync until so many runs were struck, and all that was struck was done in the end.

    Args:
        arena: Has the servers.
        scenario: What is synced.
        kills: How many runs must be struck.
        seed: Decides all moments.
    """
    return _Story(arena, scenario, random.Random(f"{scenario} {seed}")).play(kills)


class _Story:
    def __init__(self, arena: Arena, scenario: Scenario, moments: random.Random) -> None:
        self._scenario = scenario
        self._random = moments
        self._arena = arena
        self._origin = arena.origin(scenario.source, fragile=scenario.strike == "source")
        self._target = arena.target(scenario.destination, fragile=scenario.strike == "destination")
        slow = scenario.destination == "bigquery" or scenario.nested
        records = 4_000 if slow else 20_000
        # A Postgres source cuts batches by their size.
        width = 100 if slow or not self._origin.at_once else 600
        self._interval = 1_000 if slow else 2_000
        self._ledger = Ledger(scenario.mode, records, records, width=width, nested=scenario.nested)
        self._counts = Counts()
        self._grown = False
        self._watcher = Watcher(self._target, _TABLE, at_once=self._appears_at_once, nested=scenario.nested)

    def play(self, kills: int) -> Counts:
        self._origin.hold(self._ledger)
        self._lines = self._run(_REHEARSAL)
        attempts = 4 * kills + 4
        with self._watcher:
            while self._counts.kills < kills and self._counts.runs < attempts:
                self._change()
                self._sync(kills)
                self._compare()
            self._sync_again()
            self._look_for_remains()
        if self._counts.kills < kills:
            self._counts.problems.append(f"only {self._counts.kills} of {kills} runs were struck")
        self._counts.looks = self._watcher.looks
        self._counts.problems += self._watcher.problems[:3]
        self._counts.problems = [f"{self._scenario}: {problem}" for problem in self._counts.problems]
        return self._counts

    @property
    def _appears_at_once(self) -> bool:
        return self._origin.at_once or self._scenario.mode is WriteMode.OVERWRITE

    def _sync(self, kills: int) -> None:
        """Start a sync, strike it, start it again, until one comes to its end."""
        strikes = min(self._random.randint(1, max(1, kills // 2)), kills - self._counts.kills)
        self._grown = False
        while True:
            self._watcher.expect(self._ledger)
            with Victim(self._spec(_TABLE)) as victim:
                self._counts.runs += 1
                moment = self._moment() if strikes > 0 else None
                if moment is not None:
                    moment.wait(victim)
                    struck = self._strike(victim)
                    self._counts.kills += struck
                    strikes -= struck
                    if struck:
                        self._target.end_leases()
                        self._grow()
                        continue
                self._end(victim)
            break
        if self._grown and self._scenario.source == "partitions":
            # Partitions that had ended have more by now.
            self._counts.runs += 1
            self._run()

    def _strike(self, victim: Victim) -> bool:
        """Strike; tell whether the run had not ended, and has not ended well in spite of it."""
        end = self._scenario.strike
        if end == "process":
            return victim.kill()
        running = victim.is_running
        self._arena.fragile.crash()
        try:
            code = victim.wait()
        finally:
            self._arena.fragile.start()
        if code not in (0, FAILED):
            self._counts.problems.append(f"it ended with {code}: {victim.errors()[-2000:]}")
        return running and code != 0

    def _end(self, victim: Victim) -> None:
        """Let a run come to its end."""
        code = victim.wait()
        assert code == 0, f"{self._scenario}: a sync ended with {code}: {victim.errors()[-2000:]}"

    def _run(self, table: str = _TABLE) -> list[Line]:
        """Run a sync undisturbed; return what it said, and when."""
        with Victim(self._spec(table)) as victim:
            self._end(victim)
            return [*victim.lines]

    def _compare(self) -> None:
        """Count the rows that are missing, and those that are there too often."""
        self._watcher.settle(self._ledger)
        held = Counter[tuple[Any, ...]](self._target.rows(_TABLE))
        wanted = Counter[tuple[Any, ...]](self._ledger.table())
        if self._scenario.nested:
            held.update(self._target.items(_TABLE))
            wanted.update(self._ledger.items())
        lost, twice = (wanted - held).total(), (held - wanted).total()
        self._counts.lost += lost
        self._counts.twice += twice
        if lost or twice:
            some = [*(wanted - held), *(held - wanted)][:2]
            self._counts.problems.append(f"{lost} rows lost, {twice} twice, such as {some}")

    def _sync_again(self) -> None:
        """Nothing is new: an incremental sync has nothing to do."""
        if self._scenario.mode is WriteMode.OVERWRITE:
            return
        self._counts.runs += 1
        loaded = int(self._run()[-1].text.removeprefix("loaded "))
        if loaded and self._scenario.mode is WriteMode.APPEND:
            self._counts.problems.append(f"nothing was new, and {loaded} rows were loaded")
        self._compare()

    def _look_for_remains(self) -> None:
        if remains := self._target.tables() - _OURS:
            self._counts.problems.append(f"left over: {', '.join(sorted(remains))}")

    def _grow(self) -> None:
        """Let the source have a few more records, now and then; a full refresh reads records as they were."""
        if self._scenario.mode is not WriteMode.OVERWRITE and self._random.random() < 0.4:
            self._ledger = self._ledger.grown(self._random.randint(1, 50))
            self._origin.hold(self._ledger)
            self._grown = True

    def _change(self) -> None:
        """Let the source have others, or many more, unless nothing was synced yet."""
        if not self._counts.runs:
            return
        length = self._ledger.base // 2 + self._random.randint(0, 100)
        if self._scenario.mode is WriteMode.OVERWRITE:
            self._ledger = self._ledger.rewritten(self._ledger.base - self._ledger.base // 2 + length)
        else:
            self._ledger = self._ledger.grown(length)
        self._origin.hold(self._ledger)

    def _moment(self) -> Moment:
        """Some moment between the first line of a run and its end."""
        lines, delay = self._lines, self._random.uniform(0, _LONGEST_DELAY_S)
        kind = self._random.choice(["time", "time", "line", "line", "seen"])
        if kind == "line":
            text = self._random.choice(sorted({line.text for line in lines}))
            nth = self._random.randint(1, sum(line.text == text for line in lines))
            return Once(text, nth, delay)
        if kind == "seen" and (moment := _seen(self._target, self._random)) is not None:
            return replace(moment, delay=delay)
        # Half of a run's time goes by before it has read a row.
        opened = next(line.at for line in lines if line.text == "opened")
        return After(self._random.uniform(self._random.choice([0, opened]), lines[-1].at * 1.05))

    def _spec(self, table: str) -> dict[str, Any]:
        mode, nested = self._scenario.mode, self._scenario.nested
        return specified(self._origin, self._target, mode, table, self._interval, nested=nested)


def specified(
    origin: Origin, target: Target, mode: WriteMode, table: str, interval_rows: int, *, nested: bool = False
) -> dict[str, Any]:
    """Return what `tests.chaos.runner` is told to do a sync."""
    return {
        "pipeline": table,
        "table": table,
        "mode": mode.value,
        "source": origin.name,
        "source_config": origin.config(),
        "destination": target.name,
        "destination_config": target.config(),
        "interval_rows": interval_rows,
        "nested": nested,
    }


def _seen(target: Target, moments: random.Random) -> Once | None:
    """A moment at which a reader of the target sees that something has changed; ``None`` if none can."""
    before = target.checkpoint()
    if before is None:
        return None
    conditions = [lambda: bool(target.has_stage()), lambda: target.checkpoint() != before]
    return Once(None, seen=moments.choice(conditions))
