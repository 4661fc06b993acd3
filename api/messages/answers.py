"""Answers that a client may keep: with an entity tag, and 304 while nothing has changed."""

from __future__ import annotations

from hashlib import blake2b
from http import HTTPStatus
from typing import Any

from flask import Response, request

from api.messages.problems import ProblemError

__all__ = ["NOT_CHANGED", "digest_of", "tagged"]

_CONDITIONS = {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"}

#: How OpenAPI describes the answer that has nothing in it.
NOT_CHANGED: dict[Any, Any] = {304: {"description": "The document is the one that `If-None-Match` names."}}


def digest_of(body: bytes) -> str:
    """Return what changes when a document does."""
    return blake2b(body, digest_size=16).hexdigest()


def tagged(body: bytes, tag: str) -> Response:
    """Return a JSON document, or 304 with nothing if the client has the one with this entity tag.

    Raises:
        ProblemError: 412, the client wants one with another entity tag alone.
    """
    response = Response(body, content_type="application/json")
    response.set_etag(tag)
    response.headers["Cache-Control"] = "private, no-cache"
    if not _CONDITIONS & request.environ.keys():
        return response
    response.make_conditional(request)
    if response.status_code == HTTPStatus.PRECONDITION_FAILED:
        raise ProblemError(
            HTTPStatus.PRECONDITION_FAILED,
            "version.other",
            "the document has another entity tag than `If-Match` names",
        )
    return response
