"""Everything that is not an answer: problem documents (RFC 9457) with stable codes."""

from __future__ import annotations

import errno
import logging
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import NoReturn

from flask import Flask, Response, g, has_request_context, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from acme_orchestration.instance import InstanceUnavailableError
from acme_orchestration.registry.errors import RegistryUnavailableError
from api.schemas import Problem, ProblemField

__all__ = ["ProblemError", "field_problems", "problem_answer", "refuse_invalid", "register_problems"]

_CONTENT_TYPE = "application/problem+json"

log = logging.getLogger(__name__)

# A database that was away may be back by then.
_RETRY_S = 10

_CODES = {
    400: "request.malformed",
    404: "path.unknown",
    405: "method.not_allowed",
    413: "request.too_large",
    415: "request.not_json",
}


class ProblemError(Exception):
    """Ends a request with a problem document.

    Args:
        status: The HTTP status.
        code: Stable and dotted, e.g. ``connector.unknown``.
        detail: What is wrong with this request and what to do, without values from it that may be secret.
        hint: What to do about it, where the detail does not say so.
        errors: What is wrong with which field.
        headers: Further headers of the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        hint: str | None = None,
        errors: Sequence[ProblemField] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.errors = errors
        self.headers = headers or {}


def field_problems(error: ValidationError, prefix: str = "") -> list[ProblemField]:
    """Return what is wrong with which field, without any value that was sent.

    Args:
        error: What pydantic found.
        prefix: Goes before each field's path, e.g. ``config.``.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        ProblemField(
            field=(prefix + ".".join(str(part) for part in item["loc"])).rstrip("."),
            message=_MESSAGES.get(item["type"], item["msg"].removeprefix("Value error, ")),
        )
        for item in found
    ]


_MESSAGES = {
    "missing": "is required, but missing",
    "extra_forbidden": "is not a field that may be sent here",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "string_unicode": "must be valid Unicode text",
}


def refuse_invalid(error: ValidationError) -> NoReturn:
    """End the request with the 422 problem of a body that does not fit its model."""
    raise ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "request.invalid",
        "the request does not have the form that this endpoint takes; `errors` says where",
        errors=field_problems(error),
    ) from None


def register_problems(app: Flask) -> None:
    """Answer every error of the application with a problem document."""
    app.register_error_handler(ProblemError, problem_answer)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(RegistryUnavailableError, _registry_error)
    app.register_error_handler(InstanceUnavailableError, _instance_error)
    app.register_error_handler(OSError, _os_error)
    app.register_error_handler(Exception, _unexpected)


def problem_answer(problem: ProblemError, request_id: str | None = None) -> Response:
    """Return the document of a problem.

    Args:
        problem: What it says.
        request_id: Which request it is about; the present one by default.
    """
    if request_id is None and has_request_context():
        request_id = g.get("request_id")
    document = Problem(
        type=f"urn:acme:problem:{problem.code}",
        title=problem.status.phrase,
        status=problem.status,
        detail=problem.detail,
        hint=problem.hint,
        code=problem.code,
        errors=list(problem.errors) or None,
        request_id=request_id,
    )
    return Response(
        document.model_dump_json(exclude_none=True),
        status=problem.status,
        headers=dict(problem.headers),
        content_type=_CONTENT_TYPE,
    )


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.response is not None or error.code is None or error.code < 400:
        return error
    status = HTTPStatus(error.code)
    kept = ("Allow", "Retry-After")
    return problem_answer(
        ProblemError(
            status,
            _CODES.get(status, f"http.{status.value}"),
            _detail(status, error),
            headers={key: value for key, value in error.get_headers() if key in kept},
        )
    )


def _detail(status: HTTPStatus, error: HTTPException) -> str:
    match status:
        case HTTPStatus.NOT_FOUND:
            return f"there is nothing at {request.path}; /docs lists what there is"
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return f"{request.path} does not take {request.method}"
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return "the request's body is larger than this server takes"
        case _:
            return error.description or status.description or status.phrase


def _registry_error(error: RegistryUnavailableError) -> Response:
    log.error("%s", error.message)
    if error.code == "registry.full":
        return problem_answer(_full(error.code))
    return problem_answer(
        ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, error.code, "the registry cannot be used at present")
    )


def _instance_error(error: InstanceUnavailableError) -> Response:
    log.error("%s", error.message)
    return problem_answer(
        ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            error.code,
            f"{error.message} at present",
            headers={"Retry-After": str(_RETRY_S)},
        )
    )


def _os_error(error: OSError) -> Response:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        log.error("%s", error.strerror)
        return problem_answer(_full("storage.full"))
    return _unexpected(error)


def _full(code: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.INSUFFICIENT_STORAGE, code, "the server has no space left on its disk; nothing was stored"
    )


def _unexpected(error: Exception) -> Response:
    # The message of an unknown error may hold a secret: the log gets its class and where it was raised.
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s", type(error).__name__, extra={"stack": frames})
    return problem_answer(
        ProblemError(
            HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "this is a fault of the server; its log says where"
        )
    )
