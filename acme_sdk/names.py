"""Names in a destination: which ones it can hold, and what becomes of the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

__all__ = ["OWN_PREFIX", "NameRule"]

#: Names of tables that begin like this are ours.
OWN_PREFIX = "_acme_"

_NOTHING = re.compile(r"(?!)")
_DIGEST_BYTES = 4


def _any(_: str) -> bool:
    return True


@dataclass(frozen=True)
class NameRule:
    """Which names a destination can hold.

    No destination holds the empty name, NUL, and half a surrogate pair.

    Attributes:
        longest: How long a name can be; at least 20.
        unit: What `longest` counts.
        allows: Tells whether a name may have a character in it.
        begins: Tells whether a name may begin with a character; so it must with ``x``.
        ends: Tells whether a name may end with a character; so it must with ``_`` and digits.
        reserved: Matches the beginning of names that the destination, or we, keep for ourselves; none that
            begins with ``x``.
        folds_case: Whether names are one that differ only in their letters' case.
    """

    longest: int = 1 << 16
    unit: Literal["bytes", "characters"] = "bytes"
    allows: Callable[[str], bool] = _any
    begins: Callable[[str], bool] = _any
    ends: Callable[[str], bool] = _any
    reserved: re.Pattern[str] = _NOTHING
    folds_case: bool = False

    def problem(self, name: str) -> str | None:
        """Return what is wrong with a name, for a sentence that begins with it; ``None`` for a good one."""
        if not name:
            return "is empty"
        if bad := sorted({char for char in name if not self._allows(char)}):
            return f"has {', '.join(map(repr, bad))} in it"
        if self._size(name) > self.longest:
            return f"is longer than {self.longest} {self.unit}"
        if not self.begins(name[0]):
            return f"begins with {name[0]!r}"
        if not self.ends(name[-1]):
            return f"ends with {name[-1]!r}"
        return "begins like a name that is reserved" if self.reserved.match(name) else None

    def safe(self, name: str) -> str:
        """Return the name that stands for one in the destination, always the same: itself if it is good.

        >>> NameRule(allows=str.isalnum).safe("Order ID")
        'Order_ID'
        """
        if self.problem(name) is None:
            return name
        text = "".join(char if self._allows(char) else "_" for char in name)
        if not text or not self.begins(text[0]) or self.reserved.match(text):
            text = f"x_{text}"
        if not self.ends(text[-1]):
            text = f"{text[:-1]}_"
        readable = any(char.isalnum() for char in name if self._allows(char))
        return self.fitted(text) if readable else self._signed(text, name)

    def fitted(self, name: str) -> str:
        """Return a name, cut off and with a digest of it at its end if it is too long."""
        return name if self._size(name) <= self.longest else self._signed(name, name)

    def folded(self, name: str) -> str:
        """Return what two names have in common if they are one to the destination."""
        return name.lower() if self.folds_case else name

    def _signed(self, text: str, name: str) -> str:
        digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
        room = self.longest - len(digest) - 1
        if self.unit == "characters":
            return f"{text[:room]}_{digest}"
        return f"{text.encode()[:room].decode(errors='ignore')}_{digest}"

    def _allows(self, char: str) -> bool:
        return char != "\0" and not "\ud800" <= char <= "\udfff" and self.allows(char)

    def _size(self, name: str) -> int:
        return len(name.encode()) if self.unit == "bytes" else len(name)
