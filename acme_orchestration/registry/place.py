"""Where the registry is, without opening it or importing what that takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from acme_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from acme_orchestration.registry.registered import Registry

__all__ = ["existing_registry", "find_registry"]

_URL_VARIABLE = "ACME_REGISTRY_URL"
_FILE_NAME = "acme_registry.db"


def find_registry(dagster_home: Path | None = None) -> Registry | None:
    """Return the registry, or ``None`` where there is no place for one.

    It is where ``ACME_REGISTRY_URL`` says, or else a SQLite file in Dagster's home.

    Args:
        dagster_home: Dagster's home; what ``DAGSTER_HOME`` says by default.

    Raises:
        ConfigurationError: The address is wrong (code ``registry.url``), or a package is missing that the
            registry takes (``registry.not_installed``).
    """
    if url := os.environ.get(_URL_VARIABLE):
        return _registry(url)
    file = _file(dagster_home)
    return None if file is None else _registry(f"sqlite:///{file}")


def existing_registry(dagster_home: Path | None = None) -> Registry | None:
    """Return the registry, or ``None`` if nothing was ever registered, at no cost then.

    Args:
        dagster_home: See `find_registry`.

    Raises:
        ConfigurationError: See `find_registry`.
    """
    file = None if os.environ.get(_URL_VARIABLE) else _file(dagster_home)
    return None if file is not None and not file.exists() else find_registry(dagster_home)


def _file(dagster_home: Path | None) -> Path | None:
    home = dagster_home or (Path(found) if (found := os.environ.get("DAGSTER_HOME")) else None)
    return None if home is None else home.expanduser().absolute() / _FILE_NAME


def _registry(url: str) -> Registry:
    try:
        from acme_orchestration.registry.database import RegistryDatabase
        from acme_orchestration.registry.registered import Registry
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{error.name} is not installed, which the registry takes",
            code="registry.not_installed",
            hint="pip install 'acme-connectors[dagster]'",
        ) from None
    return Registry(RegistryDatabase(url))
