"""What the server refuses, and what keeps it from answering, as exceptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import requests
from pydantic import ValidationError
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

from acme_sdk.errors import AcmeError
from acme_sdk.http.hosts import without_query
from api.schemas import Problem, ProblemField

__all__ = [
    "ApiError",
    "ConflictError",
    "ForbiddenError",
    "NotFoundError",
    "RateLimitedError",
    "RefusedError",
    "ServerError",
    "UnauthorizedError",
    "UnreachableError",
    "error_of",
]


class ApiError(AcmeError):
    """Base of what a `Client` raises when a call fails.

    Args:
        message: What is wrong.
        code: The stable code of the problem document.
        hint: What to do about it.
        status: The HTTP status; ``None`` if no answer came.
        errors: What is wrong with which field of the request.
        retry_after: After how many seconds the server asks to try again, if it does.
        request_id: Which request it was: the server's log has it.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        status: int | None = None,
        errors: Sequence[ProblemField] = (),
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.status = status
        self.errors = tuple(errors)
        self.retry_after = retry_after
        self.request_id = request_id


class RefusedError(ApiError):
    """The request is not right as it is; `errors` says in which field."""


class UnauthorizedError(ApiError):
    """The key is missing or not valid."""


class ForbiddenError(ApiError):
    """The key has not the scope that this takes."""


class NotFoundError(ApiError):
    """There is no connector, type, pipeline or run of this name."""


class ConflictError(ApiError):
    """It does not go with what there is: the name is taken, or somebody else changed it meanwhile."""


class RateLimitedError(ApiError):
    """Too much at a time; `retry_after` says when it may go well."""


class ServerError(ApiError):
    """The server cannot do it at present, or has a fault."""


class UnreachableError(ApiError):
    """No answer came, or none that is this API's."""

    default_code = "connect.failed"


_BY_STATUS: Mapping[int, type[ApiError]] = {
    HTTPStatus.UNAUTHORIZED: UnauthorizedError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.PRECONDITION_FAILED: ConflictError,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimitedError,
}


def error_of(response: requests.Response) -> ApiError:
    """Return the error that an answer stands for, whether or not it is a problem document.

    Args:
        response: An answer with a status of 300 or above.
    """
    status = response.status_code
    kind = _BY_STATUS.get(status, ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else RefusedError)
    try:
        problem = Problem.model_validate_json(response.content, extra="ignore")
    except ValidationError:
        # What stands before the server, a proxy for instance, has said this.
        where = f"{response.request.method} {without_query(str(response.url))}"
        return kind(
            f"{where}: {status} {response.reason}",
            code=f"http.{status}",
            status=status,
            retry_after=_seconds(response),
        )
    return kind(
        problem.detail,
        code=problem.code,
        hint=problem.hint,
        status=status,
        errors=problem.errors or (),
        retry_after=_seconds(response),
        request_id=problem.request_id,
    )


def _seconds(response: requests.Response) -> float | None:
    value = response.headers.get("Retry-After")
    try:
        return None if value is None else Retry().parse_retry_after(value)
    except InvalidHeader:
        return None
