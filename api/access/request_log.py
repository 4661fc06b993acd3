"""A line of the log for each request, and an id by which it is found: the answer has it, too."""

from __future__ import annotations

import logging
import random
import re
import time
from typing import TYPE_CHECKING

from flask import g, request

from api.access.auth import address
from api.messages.headers import REQUEST_ID

if TYPE_CHECKING:
    from flask import Response

__all__ = ["begin", "end", "new_id"]

_SANE = re.compile(r"[A-Za-z0-9._~:+/=-]{1,100}")
_LONGEST_PATH = 500

log = logging.getLogger(__name__)


def new_id() -> str:
    """Return an id for a request. It is to be told apart from others, not to be hard to guess."""
    return f"{random.getrandbits(64):016x}"


def begin() -> None:
    """Give the present request the id that it came with, or another one."""
    g.began = time.perf_counter()
    sent = request.headers.get(REQUEST_ID, "")
    g.request_id = sent if _SANE.fullmatch(sent) else new_id()


def end(response: Response) -> Response:
    """Write the line of the present request. What follows ``?`` is not in it: that could be a secret."""
    response.headers[REQUEST_ID] = g.request_id
    path = request.path[:_LONGEST_PATH]
    who = g.get("caller")
    log.info(
        "%s %s %d",
        request.method,
        path,
        response.status_code,
        extra={
            "method": request.method,
            "route": request.url_rule.rule if request.url_rule else None,
            "path": path,
            "status": response.status_code,
            "duration_ms": round(1000 * (time.perf_counter() - g.began), 1),
            "key": who.name if who else None,
            "address": address(),
        },
    )
    return response
