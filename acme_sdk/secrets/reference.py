"""References to secrets, and their resolution."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from acme_sdk.errors import SecretError
from acme_sdk.secrets.store import SecretStore, check_store, known_stores, open_store

__all__ = ["Reference", "SecretResolver", "is_reference"]


@dataclass(frozen=True)
class Reference:
    """Where a secret is.

    It is written ``{STORE: NAME}``, or ``{STORE: {name: NAME, key: KEY}}`` for one value of a secret that is
    a JSON object.

    Attributes:
        store: The store's name, e.g. ``env`` or ``aws``.
        name: The secret's name there.
        key: The key of the JSON object, or ``None`` for the whole secret.
    """

    store: str
    name: str
    key: str | None = None

    @classmethod
    def parse(cls, written: Mapping[str, Any]) -> Reference:
        """Return the reference that is written as a mapping.

        Raises:
            SecretError: It is not written like one (code ``secret.reference``), or there is no such store
                (``secret.store_unknown``).
        """
        if len(written) != 1:
            raise _malformed(f"a reference to a secret names one store, but here are {len(written)}")
        ((store, place),) = written.items()
        check_store(str(store))
        fields = {"name": place} if isinstance(place, str) else place
        if not isinstance(fields, Mapping):
            raise _malformed("a secret's name must be text")
        if unknown := set(fields) - {"name", "key"}:
            raise _malformed(f"{sorted(map(str, unknown))[0]!r} is no part of a reference to a secret")
        for part, value in fields.items():
            if not isinstance(value, str) or not value:
                raise _malformed(f"a secret's {part} must be text and not empty")
        if "name" not in fields:
            raise _malformed("the secret's name is missing")
        return cls(str(store), fields["name"], fields.get("key"))


def is_reference(value: object) -> bool:
    """Tell whether a value that could be an object of another meaning is a reference.

    It is if it has one key, which is a store's name, and under it what a reference has.
    """
    if not isinstance(value, Mapping) or len(value) != 1 or next(iter(value)) not in known_stores():
        return False
    try:
        Reference.parse(value)
    except SecretError:
        return False
    return True


class SecretResolver:
    """Resolves the references of one set-up: each store is opened, and each secret asked for, once."""

    def __init__(self) -> None:
        self._stores: dict[str, SecretStore] = {}
        self._secrets: dict[tuple[str, str], str] = {}

    def __enter__(self) -> SecretResolver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for store in self._stores.values():
            store.close()

    def resolve(self, field: str, written: Mapping[str, Any]) -> str:
        """Return the text that a reference stands for.

        Args:
            field: The configuration field, for the error.
            written: The reference as written.

        Raises:
            SecretError: The message has the field, never the value. Codes: see `Reference.parse`,
                `open_store` and `SecretStore.get`; ``secret.key`` where the secret has no such key,
                ``secret.failed`` for anything else.
        """
        with _naming(field):
            reference = Reference.parse(written)
            secret = self._secret(reference)
            return secret if reference.key is None else _value(secret, reference)

    def _secret(self, reference: Reference) -> str:
        place = (reference.store, reference.name)
        if place not in self._secrets:
            if reference.store not in self._stores:
                self._stores[reference.store] = open_store(reference.store)
            self._secrets[place] = self._stores[reference.store].get(reference.name)
        return self._secrets[place]


@contextmanager
def _naming(field: str) -> Iterator[None]:
    """Put the field's name before what goes wrong; what a store did not word itself may hold the secret."""
    try:
        yield
    except SecretError as error:
        raise SecretError(f"{field}: {error.message}", code=error.code, hint=error.hint) from None
    except TimeoutError:
        raise SecretError(
            f"{field}: the secret store does not answer",
            code="secret.timeout",
            hint="check that it is reachable from where this connector runs",
        ) from None
    except Exception as error:  # noqa: BLE001 - a store may raise anything
        raise SecretError(
            f"{field}: the secret store failed with {type(error).__name__}",
            code="secret.failed",
            hint="what it said is not shown, since it could hold the secret; check the store's settings",
        ) from None


def _value(secret: str, reference: Reference) -> str:
    """Return one value of a secret that is a JSON object."""
    try:
        values = json.loads(secret)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise SecretError(
            f"the secret {reference.name} is no JSON object, so that it has no key {reference.key!r}",
            code="secret.key",
            hint="leave the key out to use the whole secret",
        )
    value = values.get(reference.key)
    if value is None or isinstance(value, (dict, list)):
        what = "has no key" if value is None else "has no text or number under the key"
        raise SecretError(
            f"the secret {reference.name} {what} {reference.key!r}",
            code="secret.key",
            hint="check how the key is spelled in the secret",
        )
    return value if isinstance(value, str) else json.dumps(value)


def _malformed(message: str) -> SecretError:
    return SecretError(
        message,
        code="secret.reference",
        hint="write it like {env: VARIABLE}, {file: PATH} or {aws: {name: prod/users_db, key: password}}",
    )
