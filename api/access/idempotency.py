"""Requests that may be sent once more: what was answered to the first one is the answer to all of them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from http import HTTPStatus
from typing import Any, ParamSpec

from flask import Response, request

from acme_orchestration.registry.answers import AnswerStore
from acme_orchestration.registry.errors import ConflictError, RegistryUnavailableError
from api.access.auth import caller
from api.messages.problems import ProblemError
from api.services import registry

__all__ = ["idempotent", "takes_key"]

_P = ParamSpec("_P")

log = logging.getLogger(__name__)

_MAX_KEY = 255
_HEADERS = ("Content-Type", "ETag", "Location", "Retry-After")


def idempotent(view: Callable[_P, Response]) -> Callable[_P, Response]:
    """Let a route follow the header ``Idempotency-Key``.

    The same caller gets the same answer to the same request for 24 hours. What was refused is not kept.
    """

    @wraps(view)
    def answer(*args: _P.args, **kwargs: _P.kwargs) -> Response:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return view(*args, **kwargs)
        if not 0 < len(key) <= _MAX_KEY or not key.isascii() or not key.isprintable():
            raise ProblemError(
                HTTPStatus.BAD_REQUEST,
                "idempotency.invalid",
                f"Idempotency-Key must be 1 to {_MAX_KEY} printable ASCII characters",
            )
        store, name = AnswerStore(registry().database), caller().name
        kept = _reserved(store, name, key)
        if kept is not None:
            return Response(kept["body"], status=kept["status"], headers=kept["headers"])
        try:
            response = view(*args, **kwargs)
        except BaseException:
            with suppress(RegistryUnavailableError):
                store.forget(name, key)
            raise
        try:
            store.keep(name, key, _fields(response))
        except RegistryUnavailableError as error:
            # What was asked for is done, which the caller has to know.
            log.error("an answer is not kept for later: %s", error.message)  # noqa: TRY400 - it says all
        return response

    answer.__dict__["takes_key"] = True
    return answer


def takes_key(view: object) -> bool:
    """Tell whether a route follows ``Idempotency-Key``."""
    return getattr(view, "takes_key", False)


def _reserved(store: AnswerStore, name: str, key: str) -> Mapping[str, Any] | None:
    try:
        return store.reserve(name, key, _digest())
    except ConflictError as error:
        if error.code == "idempotency.reused":
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, error.code, error.message) from None
        raise ProblemError(
            HTTPStatus.CONFLICT, error.code, error.message, headers={"Retry-After": "1"}
        ) from None


def _fields(response: Response) -> Mapping[str, Any]:
    headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
    return {"status": response.status_code, "headers": headers, "body": response.get_data(as_text=True)}


def _digest() -> str:
    asked = f"{request.method} {request.full_path}\n".encode() + request.get_data()
    return hashlib.sha256(asked).hexdigest()
