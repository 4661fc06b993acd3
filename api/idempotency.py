"""Requests that may be sent once more: what was answered to the first one is the answer to all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any, ParamSpec

import sqlalchemy as sa
from flask import Response, request

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.tables import answers
from api.auth import caller
from api.problems import ProblemError
from api.services import registry

__all__ = ["idempotent"]

_P = ParamSpec("_P")

_KEPT = timedelta(hours=24)
# After this, whoever was at work has ended without an answer.
_AT_WORK = timedelta(minutes=2)
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
        database = registry().database
        kept = _reserve(database, key)
        if kept is not None:
            return Response(kept["body"], status=kept["status"], headers=kept["headers"])
        try:
            response = view(*args, **kwargs)
        except BaseException:
            _forget(database, key)
            raise
        _keep(database, key, response)
        return response

    return answer


def _reserve(database: RegistryDatabase, key: str) -> dict[str, Any] | None:
    """Return the kept answer; or put down that the request is at work."""
    now, digest = datetime.now(UTC), _digest()
    with database.writing() as connection:
        connection.execute(sa.delete(answers).where(answers.c.at < now - _KEPT))
        row = connection.execute(sa.select(answers).where(*_is(key))).mappings().first()
        if row is not None and row["request"] != digest:
            raise ProblemError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "idempotency.reused",
                "another request was sent with this Idempotency-Key; take a new one for each",
            )
        if row is not None and row["answer"] is not None:
            kept: dict[str, Any] = row["answer"]
            return kept
        if row is not None and now - row["at"] < _AT_WORK:
            raise ProblemError(
                HTTPStatus.CONFLICT,
                "idempotency.at_work",
                "the first request with this Idempotency-Key is not answered yet; try again later",
                headers={"Retry-After": "1"},
            )
        connection.execute(sa.delete(answers).where(*_is(key)))
        values = {"caller": caller().name, "key": key, "request": digest, "at": now}
        connection.execute(sa.insert(answers).values(values))
    return None


def _keep(database: RegistryDatabase, key: str, response: Response) -> None:
    headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
    kept = {"status": response.status_code, "headers": headers, "body": response.get_data(as_text=True)}
    with database.writing() as connection:
        connection.execute(sa.update(answers).where(*_is(key)).values(answer=kept))


def _forget(database: RegistryDatabase, key: str) -> None:
    with database.writing() as connection:
        connection.execute(sa.delete(answers).where(*_is(key)))


def _is(key: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return answers.c.caller == caller().name, answers.c.key == key


def _digest() -> str:
    asked = f"{request.method} {request.full_path}\n".encode() + request.get_data()
    return hashlib.sha256(asked).hexdigest()
