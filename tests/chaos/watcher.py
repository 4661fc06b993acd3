"""A reader of the target who never stops looking."""

from __future__ import annotations

import threading
import time

from tests.chaos.ledger import Ledger
from tests.chaos.targets import Look, Target

__all__ = ["Watcher"]


class Watcher:
    """Looks at a table again and again, and notes what it must not see; as a context manager it stops.

    Args:
        target: Where the table is.
        table: The table.
        at_once: Whether all records of a sync appear in one moment; otherwise some may, but none twice.
        nested: Whether it has a child table, which must change with it.
    """

    def __init__(self, target: Target, table: str, *, at_once: bool, nested: bool) -> None:
        self.looks = 0
        self.problems: list[str] = []
        self._target = target
        self._table = table
        self._at_once = at_once
        self._nested = nested
        self._allowed = [Look()]
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def expect(self, ledger: Ledger) -> None:
        """Allow the records of a ledger as well from now on."""
        with self._lock:
            self._allowed.append(Look.at(ledger))

    def settle(self, ledger: Ledger) -> None:
        """Allow nothing but the records of a ledger from now on."""
        with self._lock:
            self._allowed = [Look.at(ledger)]
            self._check(self._target.look(self._table, nested=self._nested))

    def _watch(self) -> None:
        while not self._stopped.wait(self._target.look_every_s):
            began = time.monotonic()
            with self._lock:
                self._check(self._target.look(self._table, nested=self._nested))
            # Who looks without a pause leaves the sync no time.
            self._stopped.wait(time.monotonic() - began)

    def _check(self, look: Look | None) -> None:
        if look is None:
            return
        self.looks += 1
        if not self._may_see(look):
            self.problems.append(f"a reader saw {look}, and might see {self._allowed}")

    def _may_see(self, look: Look) -> bool:
        """Tell whether a reader may see this; what was seen once must not go away again."""
        if self._at_once:
            if look in self._allowed:
                # Only the ledger is replaced that is older than what was seen.
                self._allowed = self._allowed[self._allowed.index(look) :]
                return True
            return False
        lowest, highest = self._allowed[0], max(self._allowed)
        fits = look.rows == look.ids and not look.orphans and lowest.rows <= look.rows <= highest.rows
        if fits and lowest.sum_of_changed <= look.sum_of_changed <= highest.sum_of_changed:
            self._allowed[0] = look
            return True
        return False
