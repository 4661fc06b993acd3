"""Answers that a client may keep: with an entity tag, and 304 while nothing has changed."""

from __future__ import annotations

from typing import Any

from flask import Response, request

__all__ = ["NOT_CHANGED", "tagged"]

#: How OpenAPI describes the answer that has nothing in it.
NOT_CHANGED: dict[Any, Any] = {304: {"description": "The document is the one that `If-None-Match` names."}}


def tagged(body: bytes, tag: str) -> Response:
    """Return a JSON document, or 304 with nothing if the client has the one with this entity tag."""
    response = Response(body, content_type="application/json")
    response.set_etag(tag)
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response
