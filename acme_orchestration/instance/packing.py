"""What a sensor remembers, as text; compressed, since Dagster keeps a copy of a cursor with every tick."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

__all__ = ["pack", "unpack"]


def pack(document: Any) -> str:
    """Return a JSON-like document as text."""
    text = json.dumps(document, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode())).decode()


def unpack(text: str | None) -> Any:
    """Return the document in a text.

    Raises:
        ValueError: There is none.
    """
    try:
        return json.loads(zlib.decompress(base64.b64decode(text or "", validate=True)))
    except (ValueError, zlib.error, RecursionError) as error:
        raise ValueError("there is no document in this text") from error
