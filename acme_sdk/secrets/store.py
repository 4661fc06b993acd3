"""The stores that keep secrets: the environment, files, and those that installed packages bring."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from difflib import get_close_matches
from pathlib import Path

from acme_sdk.entry_points import import_problem, installed, what_to_install
from acme_sdk.errors import SecretError

__all__ = ["SecretStore", "check_store", "known_stores", "open_store"]

GROUP = "acme.secrets"

_MAX_FILE_BYTES = 1 << 20


class SecretStore(ABC):
    """Where secrets are kept under names; an entry point in the group ``acme.secrets`` names the class.

    One is made, without arguments, each time a connector is set up whose configuration refers to it. It takes
    its own settings, such as an address or a token, from the environment, and should give up after some
    seconds.
    """

    @abstractmethod
    def get(self, name: str) -> str:
        """Return a secret. It is called once for each name.

        Args:
            name: What a reference says, e.g. ``prod/users_db``.

        Raises:
            SecretError: With the code ``secret.missing``, ``secret.denied`` or ``secret.timeout``, and a
                message and hint that hold no secret. Of any other exception only the class is shown.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Let go of connections; called once, after the last secret."""


class EnvironmentStore(SecretStore):
    """Environment variables of the process that uses the connector."""

    def get(self, name: str) -> str:
        """Return the value of a variable."""
        value = os.environ.get(name)
        if value is None:
            raise SecretError(
                f"the environment variable {name} is not set",
                hint=f"set {name} where this connector runs, e.g. in the .env file of the code location",
            )
        return value


class FileStore(SecretStore):
    """Files with one secret each, as containers have them in ``/run/secrets``."""

    def get(self, name: str) -> str:
        """Return a file's text without its last line break."""
        try:
            with Path(name).open("rb") as file:
                content = file.read(_MAX_FILE_BYTES + 1)
            if len(content) > _MAX_FILE_BYTES:
                raise SecretError(f"the file {name} is larger than 1 MiB", hint="is it the right file?")
            return content.decode().removesuffix("\n").removesuffix("\r")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8 text"
            raise SecretError(
                f"the file {name} cannot be read: {reason}",
                hint="check that the file exists and that the user this runs as may read it",
            ) from None


# No package can take their place.
_BUILT_IN: dict[str, type[SecretStore]] = {"env": EnvironmentStore, "file": FileStore}


def known_stores() -> list[str]:
    """Return the names of all stores, sorted; none is imported."""
    return sorted({*_BUILT_IN, *installed(GROUP).names})


def open_store(name: str) -> SecretStore:
    """Return a store by its name.

    Raises:
        SecretError: There is none of this name (code ``secret.store_unknown``), or it cannot be imported
            (``secret.store_not_installed``).
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]()
    check_store(name)
    point = installed(GROUP)[name]
    try:
        kind = point.load()
    except Exception as error:  # noqa: BLE001 - a module may do anything while it is imported
        raise SecretError(
            f"the secret store {name!r} cannot be imported: {import_problem(error)}",
            code="secret.store_not_installed",
            hint=what_to_install(point, error),
        ) from None
    if not (isinstance(kind, type) and issubclass(kind, SecretStore)):
        raise SecretError(
            f"the entry point of the secret store {name!r} is no SecretStore: {point.value}",
            code="secret.store_not_installed",
            hint=f"declare it like this: {name} = '{point.module}:CLASS'",
        )
    return kind()


def check_store(name: str) -> None:
    """Check that there is a store of this name; it is not imported.

    Raises:
        SecretError: There is none (code ``secret.store_unknown``).
    """
    if name in _BUILT_IN or name in installed(GROUP).names:
        return
    known = known_stores()
    close = get_close_matches(name, known, n=1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    raise SecretError(
        f"there is no secret store {name!r}",
        code="secret.store_unknown",
        hint=f"{guess}there are {', '.join(known)}; others come with the package that has them in its entry "
        f"points, group {GROUP}",
    )
