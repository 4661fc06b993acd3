"""The removal of secrets from text."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

__all__ = ["MASK", "Redactor"]

MASK = "********"


class Redactor:
    """Replaces known secret values in text, in the spellings in which they tend to travel.

    Args:
        values: The secrets. Values of fewer than four characters are replaced only as whole words, since
            they would otherwise blot out unrelated text.

    >>> Redactor(["hunter2"]).redact("password=hunter2")
    'password=********'
    """

    def __init__(self, values: Iterable[str]) -> None:
        spellings = {spelling for value in values if value for spelling in _spellings(value)}
        patterns = [
            re.escape(text) if len(text) >= 4 else rf"(?<!\w){re.escape(text)}(?!\w)"
            for text in sorted(spellings, key=len, reverse=True)
        ]
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def redact(self, text: str) -> str:
        """Return the text with every known secret replaced by ``********``."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def redact_json(self, value: Any) -> Any:
        """Return a JSON-like value with every string in it redacted, keys included."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {self.redact(str(key)): self.redact_json(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.redact_json(item) for item in value]
        return value

    def __repr__(self) -> str:
        return "Redactor(...)"


def _spellings(value: str) -> set[str]:
    """The value as it stands, and as URLs, JSON, Python and Basic authentication write it."""
    spellings = {value, quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1]}
    spellings.add(repr(value)[1:-1])
    spellings.add(base64.b64encode(value.encode("utf-8", "surrogatepass")).decode())
    # A value of several lines (a key in PEM form) must not come through line by line.
    spellings.update(line for line in value.splitlines() if len(line) >= 8 and not line.startswith("-----"))
    return spellings
