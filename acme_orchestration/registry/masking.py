"""Configurations as they may be shown: references as they are, secrets that stand in the clear masked.

None is stored in the registry, which refuses it; but a file may have one, and a type may call a field secret
that it did not call so before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from acme_sdk.secrets import MASK, is_reference

__all__ = ["mask_paths", "masked"]

_TELLING = re.compile(
    r"pass(word|wd|phrase)|secret|token|credential|(api|private|access)_?key", re.IGNORECASE
)
# A password in an address, or in a connection string of key=value pairs.
_IN_A_TEXT = re.compile(rf"://[^\s/@]*:\S*@|({_TELLING.pattern})\s*=", re.IGNORECASE)


def masked(config: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a configuration without secrets.

    Args:
        config: As written.
        schema: That of its type; where it is not known, the names of the fields must do.
    """
    return {field: _shown(field, value, schema) for field, value in config.items()}


def _shown(field: str, value: Any, schema: Mapping[str, Any] | None) -> Any:
    spec = (schema or {}).get(field, {})
    if value is None or is_reference(value):
        return value
    if spec.get("secret") or (not spec and _TELLING.search(field)):
        return MASK
    return _within(value, spec)


def _within(value: Any, spec: Mapping[str, Any]) -> Any:
    match value:
        case Mapping() if not is_reference(value):
            return masked(value, spec.get("properties"))
        case list():
            return [_within(item, {}) for item in value]
        case str() if _IN_A_TEXT.search(value):
            return MASK
        case _:
            return value


def mask_paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the dotted paths of texts that hold a mask: what was shown is no value to be stored."""
    match value:
        case Mapping():
            for field, inner in value.items():
                yield from mask_paths(inner, f"{path}.{field}".lstrip("."))
        case list():
            for index, inner in enumerate(value):
                yield from mask_paths(inner, f"{path}.{index}".lstrip("."))
        case str() if MASK in value:
            yield path
