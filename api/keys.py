"""The API's keys: made, listed, revoked, and recognized. Only their digests are stored."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import sqlalchemy as sa

from acme_orchestration.registry import records
from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.errors import RegistryUnavailableError
from acme_orchestration.registry.tables import api_keys
from acme_sdk.errors import ConfigurationError

__all__ = ["SCOPES", "ApiKey", "KeyRing", "KeyStore", "Scope"]

Scope = Literal["read", "test", "write"]
SCOPES: tuple[Scope, ...] = ("read", "test", "write")

# For how many seconds a revoked key may still be taken.
_FRESH_S = 1.0
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._@-]{0,62})")
_FORM = re.compile(r"acme_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ApiKey:
    """What is stored of a key.

    Attributes:
        id: The part of it that may be shown.
        name: Whose it is, as the audit trail says.
        scopes: What it may do.
        created_at: When it was made, in UTC.
        revoked_at: When it was revoked; ``None`` for one that is valid.
        digest: SHA-256 of the whole key, in hex. The key has 256 random bits: nothing slower is needed.
    """

    id: str
    name: str
    scopes: Sequence[Scope]
    created_at: datetime
    revoked_at: datetime | None
    digest: str = field(repr=False)


class KeyStore:
    """The keys in the registry's database.

    Args:
        database: Where they are.
    """

    def __init__(self, database: RegistryDatabase) -> None:
        self._database = database

    def create(self, name: str, scopes: Sequence[Scope], *, actor: str) -> str:
        """Make a key and return it; nobody can read it again.

        Args:
            name: Whose it is; no other key, not even a revoked one, has had it.
            scopes: What it may do.
            actor: Who makes it, for the audit trail.

        Raises:
            ConfigurationError: The name is not allowed or taken (codes ``name.invalid``, ``name.taken``).
            RegistryUnavailableError: The database cannot be written.
        """
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"the name {name!r} is not allowed",
                code="name.invalid",
                hint="use letters, digits and . _ @ -, at most 63 characters",
            )
        identifier = secrets.token_hex(6)
        key = f"acme_{identifier}_{secrets.token_urlsafe(32)}"
        with self._database.writing() as connection:
            if connection.scalar(sa.select(api_keys.c.id).where(api_keys.c.name == name)):
                raise ConfigurationError(
                    f"there is or was a key {name!r}", code="name.taken", hint="choose another name"
                )
            values = {
                "id": identifier,
                "name": name,
                "digest": _digest(key),
                "scopes": list(scopes),
                "created_at": datetime.now(UTC),
            }
            connection.execute(sa.insert(api_keys).values(values))
            records.note(connection, "create", "api key", name, actor, None, {"scopes": list(scopes)})
        return key

    def revoke(self, name: str, *, actor: str) -> None:
        """Make a key worthless; one that is so already stays as it is.

        Raises:
            ConfigurationError: There is none of this name (code ``key.unknown``).
            RegistryUnavailableError: The database cannot be written.
        """
        with self._database.writing() as connection:
            found = connection.execute(sa.select(api_keys).where(api_keys.c.name == name)).mappings().first()
            if found is None:
                raise ConfigurationError(
                    f"there is no key {name!r}", code="key.unknown", hint="acme api keys list shows all"
                )
            if found["revoked_at"] is None:
                query = sa.update(api_keys).where(api_keys.c.name == name)
                connection.execute(query.values(revoked_at=datetime.now(UTC)))
                records.note(connection, "revoke", "api key", name, actor, None, None)

    def all(self) -> list[ApiKey]:
        """Return all keys, valid and revoked, the oldest first.

        Raises:
            RegistryUnavailableError: The database cannot be read.
        """
        if not self._database.exists:
            return []
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(api_keys).order_by(api_keys.c.created_at)).mappings()
            return [ApiKey(**row) for row in rows]


class KeyRing:
    """Recognizes the keys that requests come with. It looks at the stored ones once a second at most.

    While the database is down, the keys that were valid last go on to be.

    Args:
        store: Where the keys are.
        required: Whether a request needs one even if none was ever made. Once there is one, all do.
    """

    def __init__(self, store: KeyStore, *, required: bool = False) -> None:
        self._store = store
        self._required = required
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._valid: dict[str, ApiKey] = {}

    def is_required(self) -> bool:
        """Tell whether a request needs a key.

        Raises:
            RegistryUnavailableError: The keys could never be read.
        """
        self._refresh()
        return self._required

    def find(self, text: str) -> ApiKey | None:
        """Return the valid key that a text is, or ``None``; how long that takes tells nothing of a key.

        Raises:
            RegistryUnavailableError: The keys could never be read.
        """
        self._refresh()
        form = _FORM.fullmatch(text)
        found = self._valid.get(form[1]) if form else None
        expected = found.digest if found else "0" * 64
        return found if hmac.compare_digest(_digest(text), expected) else None

    def _refresh(self) -> None:
        with self._lock:
            if time.monotonic() - self._read_at < _FRESH_S:
                return
            try:
                keys = self._store.all()
            except RegistryUnavailableError as error:
                if self._read_at == float("-inf"):
                    raise
                log.warning("%s", error.message)
            else:
                self._required = self._required or bool(keys)
                self._valid = {key.id: key for key in keys if key.revoked_at is None}
            self._read_at = time.monotonic()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
