"""How often this server has changed what is registered."""

from __future__ import annotations

from api.quotas.shared import SharedMemory

__all__ = ["Changes"]

_SIZE = 8


class Changes:
    """A number that grows with each change, the same in all processes that are forked off later."""

    def __init__(self) -> None:
        self._memory = SharedMemory(_SIZE)

    @property
    def number(self) -> int:
        """How many there were."""
        return int.from_bytes(self._memory.bytes[:_SIZE], "little")

    def note(self) -> None:
        """Count one that was stored."""
        with self._memory as memory:
            memory[:_SIZE] = (self.number + 1).to_bytes(_SIZE, "little")
