"""What the HTTP API answered to requests that may be sent once more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.errors import ConflictError
from acme_orchestration.registry.tables import answers

__all__ = ["AnswerStore"]

_KEPT = timedelta(hours=24)
# After this, whoever was at work has ended without an answer.
_AT_WORK = timedelta(minutes=2)


class AnswerStore:
    """The answers in the registry's database, each under its caller and the key that the caller gave it.

    Args:
        database: Where they are.
    """

    def __init__(self, database: RegistryDatabase) -> None:
        self._database = database

    def reserve(self, caller: str, key: str, request: str) -> Mapping[str, Any] | None:
        """Return the kept answer; or put down that the request is at work.

        Args:
            caller: Who asks.
            key: The caller's key for the request.
            request: A digest of the request.

        Raises:
            ConflictError: The key is that of another request (code ``idempotency.reused``), or of one that is
                not answered yet (``idempotency.at_work``).
            RegistryUnavailableError: The database cannot be read or written.
        """
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            connection.execute(sa.delete(answers).where(answers.c.at < now - _KEPT))
            row = connection.execute(sa.select(answers).where(*_is(caller, key))).mappings().first()
            if row is not None and row["request"] != request:
                raise ConflictError(
                    "another request was sent with this Idempotency-Key; take a new one for each",
                    code="idempotency.reused",
                )
            if row is not None and row["answer"] is not None:
                kept: Mapping[str, Any] = row["answer"]
                return kept
            # The clock of whoever wrote this may differ from ours, or was moved since.
            if row is not None and abs(now - row["at"]) < _AT_WORK:
                raise ConflictError(
                    "the first request with this Idempotency-Key is not answered yet; try again later",
                    code="idempotency.at_work",
                )
            connection.execute(sa.delete(answers).where(*_is(caller, key)))
            values = {"caller": caller, "key": key, "request": request, "at": now}
            connection.execute(sa.insert(answers).values(values))
        return None

    def keep(self, caller: str, key: str, answer: Mapping[str, Any]) -> None:
        """Store the answer to the request that was at work.

        Raises:
            RegistryUnavailableError: The database cannot be written.
        """
        with self._database.writing() as connection:
            connection.execute(sa.update(answers).where(*_is(caller, key)).values(answer=dict(answer)))

    def forget(self, caller: str, key: str) -> None:
        """Let the request be sent once more as if it had never been.

        Raises:
            RegistryUnavailableError: The database cannot be written.
        """
        with self._database.writing() as connection:
            connection.execute(sa.delete(answers).where(*_is(caller, key)))


def _is(caller: str, key: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return answers.c.caller == caller, answers.c.key == key
