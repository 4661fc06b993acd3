"""Secrets: references to them, their resolution, and their removal from text.

A secret is written as a reference, ``{"env": "USERS_DB_PASSWORD"}`` or ``{"file": "/run/secrets/users_db"}``,
and resolved in the process that uses it, when one connector is set up.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from acme_sdk.errors import SecretError

__all__ = ["MASK", "Redactor", "is_reference", "resolve_reference"]

MASK = "********"

_STORES = ("env", "file")
_MAX_FILE_BYTES = 1 << 20


def is_reference(value: object) -> bool:
    """Tell whether a configuration value is a reference: a mapping with the one key ``env`` or ``file``."""
    return (
        isinstance(value, Mapping)
        and len(value) == 1
        and next(iter(value)) in _STORES
        and isinstance(next(iter(value.values())), str)
    )


def resolve_reference(field: str, reference: Mapping[str, str]) -> str:
    """Return the value that a reference stands for; a file's last line break is left out.

    Args:
        field: The configuration field, for the error.
        reference: See `is_reference`.

    Raises:
        SecretError: The variable is not set, or the file cannot be read.
    """
    store, name = next(iter(reference.items()))
    if store == "env":
        value = os.environ.get(name)
        if value is None:
            raise SecretError(
                f"{field}: the environment variable {name} is not set",
                hint=f"set {name} where this connector runs, e.g. in the .env file of the code location",
            )
        return value
    try:
        with Path(name).open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise SecretError(f"{field}: the file {name} is larger than 1 MiB", hint="is it the right file?")
        return content.decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise SecretError(
            f"{field}: the file {name} cannot be read: {reason}",
            hint="check that the file exists and that the user this runs as may read it",
        ) from None


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
