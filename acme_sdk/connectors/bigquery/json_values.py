"""JSON that BigQuery would change: its numbers have 64 bits, and its strings are text."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import NoReturn

import pyarrow as pa

from acme_sdk import compute as pc

__all__ = ["check_json"]

# Numbers of at most 15 digits survive as FLOAT64, and only an escape can make half a character.
_SUSPICIOUS = r"[0-9.]{16}|[0-9][eE][+-]?[0-9]{2}|\\u[dD][89a-fA-F]|NaN|Infinity"
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_SHOWN = 60


def check_json(texts: pa.Array) -> None:
    """Refuse texts that BigQuery's JSON does not hold exactly.

    Args:
        texts: JSON, as an array of strings.

    Raises:
        ValueError: A number loses digits or is too large, a string has half a character, or a text that might
            have such values is no JSON.
    """
    for text in texts.filter(pc.match_substring_regex(texts, _SUSPICIOUS)).to_pylist():
        # What json.loads makes of the text is of no use but to see that its strings are whole.
        value = json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_refuse)
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("the JSON has half a character (a lone surrogate)") from None


def _integer(text: str) -> int:
    # Longer ones cannot be in range, and int() may refuse to read them.
    if len(text) > len(str(_SMALLEST)) or not _SMALLEST <= int(text) <= _LARGEST:
        _refuse(text)
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if Decimal(text) != Decimal(repr(value)):
        _refuse(text)
    return value


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"the JSON number {text[:_SHOWN]} loses digits as FLOAT64")
