"""Environments such as ``prod``: what ``connectors.prod.yaml`` lays over ``connectors.yaml``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from acme_sdk.errors import ConfigurationError
from acme_sdk.secrets import is_reference

__all__ = ["VARIABLE", "laid_over", "overlay_path", "present_environment"]

#: The environment variable that chooses one.
VARIABLE = "ACME_ENVIRONMENT"


def present_environment() -> str | None:
    """Return the environment that ``ACME_ENVIRONMENT`` chooses; ``None`` for none."""
    return os.environ.get(VARIABLE) or None


def overlay_path(path: Path, environment: str) -> Path:
    """Return the file of an environment: beside ``connectors.yaml``, ``connectors.ENVIRONMENT.yaml``.

    Raises:
        ConfigurationError: The name is not allowed, or there is no such file (code ``environment.unknown``).
            To go on without it would mean to work on the wrong systems.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", environment):
        raise ConfigurationError(
            f"an environment cannot be called {environment!r}",
            code="environment.unknown",
            hint="use letters, digits, _ and -",
        )
    overlay = path.with_name(f"{path.stem}.{environment}{path.suffix}")
    if not overlay.is_file():
        names = [file.name.split(".")[-2] for file in sorted(path.parent.glob(f"{path.stem}.*{path.suffix}"))]
        known = f"there are {', '.join(names)}" if names else "there is none yet"
        raise ConfigurationError(
            f"there is no environment {environment!r}: {overlay} is missing",
            code="environment.unknown",
            hint=f"{known}; leave --env and {VARIABLE} out for {path.name} alone",
        )
    return overlay


def laid_over(base: Mapping[str, Any], overlay: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the base with the overlay's values.

    Mappings are merged, key by key. Anything else replaces what is there: texts, numbers, lists, and
    references to secrets, which are one value although they are written as mappings. ``null`` removes.

    Args:
        base: The mapping below.
        overlay: The mapping that counts.
        where: Dotted path of both, for the error.

    Raises:
        ConfigurationError: ``null`` stands where there is nothing to remove.
    """
    merged = dict(base)
    for key, value in overlay.items():
        below = merged.get(key)
        if value is None:
            if key not in merged:
                raise ConfigurationError(f"{where}.{key}: null removes a value, but there is none")
            del merged[key]
        elif _is_mapping(value) and _is_mapping(below):
            merged[key] = laid_over(below, value, f"{where}.{key}")
        else:
            merged[key] = value
    return merged


def _is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping) and not is_reference(value)
