"""Media types: what requests may bring, and what they may want."""

from __future__ import annotations

from http import HTTPStatus

from flask import request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from api.messages.problems import ProblemError
from api.quotas.limits import MAX_DEPTH, is_deep
from api.schemas import ProblemField

__all__ = ["require_acceptable", "require_json"]

_JSON = "application/json"


def require_json() -> None:
    """Refuse a body that is no JSON object: the routes take nothing else.

    Raises:
        HTTPException: 415 or 400, it is no JSON, or nested too deep.
        ProblemError: 422, it is no object.
    """
    if request.method not in ("POST", "PUT", "PATCH") or request.routing_exception is not None:
        return
    if (
        not request.content_type
        and not request.content_length
        and not request.headers.get("Transfer-Encoding")
    ):
        return  # there is no body, which some routes do without
    if not request.is_json:
        raise UnsupportedMediaType("send the body as JSON, with the header Content-Type: application/json")
    try:
        document = request.get_json()
        deep = is_deep(document)
    except BadRequest:
        raise BadRequest("the body is no JSON in UTF-8") from None
    except RecursionError:
        document, deep = {}, True
    if deep:
        raise BadRequest(f"the JSON document is nested more than {MAX_DEPTH} deep")
    if not isinstance(document, dict):
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "request.invalid",
            "the body must be a JSON object",
            errors=[ProblemField(field="", message="must be an object")],
        )


def require_acceptable() -> None:
    """Refuse a request that wants something else than JSON of the API.

    Raises:
        ProblemError: 406.
    """
    wanted = request.headers.get("Accept")
    if not wanted or wanted in ("*/*", _JSON) or not request.path.startswith("/api/"):
        return
    if not request.accept_mimetypes.quality(_JSON):
        raise ProblemError(
            HTTPStatus.NOT_ACCEPTABLE, "request.not_acceptable", f"the answers are {_JSON}: accept that"
        )
