"""The keys of the HTTP API: made, listed and revoked. Only their digests are stored."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import sqlalchemy as sa

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.rows import Rows
from acme_orchestration.registry.tables import api_keys
from acme_sdk.errors import ConfigurationError

__all__ = ["SCOPES", "ApiKey", "KeyStore", "Scope", "digest_of"]

Scope = Literal["read", "test", "write"]
SCOPES: tuple[Scope, ...] = ("read", "test", "write")

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._@-]{0,62})")


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
                "digest": digest_of(key),
                "scopes": list(scopes),
                "created_at": datetime.now(UTC),
            }
            connection.execute(sa.insert(api_keys).values(values))
            Rows(connection).note("create", "api key", name, actor, None, {"scopes": list(scopes)})
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
                Rows(connection).note("revoke", "api key", name, actor, None, None)

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


def digest_of(key: str) -> str:
    """Return what is stored of a key to recognize it by."""
    return hashlib.sha256(key.encode()).hexdigest()
