"""Where the registry is, without opening it or importing what that takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acme_orchestration.registry.registered import Registry

__all__ = ["find_registry", "registry_url"]

#: The environment variable with the registry's address.
URL_VARIABLE = "ACME_REGISTRY_URL"
FILE_NAME = "acme_registry.db"


def registry_url(dagster_home: Path | None = None) -> str | None:
    """Return the registry's address: what ``ACME_REGISTRY_URL`` says, or a SQLite file in Dagster's home.

    Args:
        dagster_home: Dagster's home; what ``DAGSTER_HOME`` says by default.

    Returns:
        The address, or ``None`` where neither is known.
    """
    if url := os.environ.get(URL_VARIABLE):
        return url
    home = dagster_home or (Path(found) if (found := os.environ.get("DAGSTER_HOME")) else None)
    return None if home is None else f"sqlite:///{home.expanduser().absolute() / FILE_NAME}"


def find_registry(dagster_home: Path | None = None) -> Registry | None:
    """Return the registry, or ``None`` where there is no place for one.

    Args:
        dagster_home: See `registry_url`.

    Raises:
        ConfigurationError: The address is wrong (code ``registry.url``).
    """
    url = registry_url(dagster_home)
    if url is None:
        return None
    from acme_orchestration.registry.database import RegistryDatabase
    from acme_orchestration.registry.registered import Registry

    return Registry(RegistryDatabase(url))
