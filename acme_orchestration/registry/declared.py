"""What ``connectors.yaml`` declares: connectors and pipelines.

A file that cannot be read is an error. An entry that is wrong is not: it becomes an entry with a ``fault``,
so that one mistake hides no other connector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from acme_orchestration.registry.document import invalid, read_document
from acme_orchestration.registry.entries import Entry
from acme_orchestration.registry.fields import connector_entry, pipeline_entry
from acme_orchestration.registry.links import link
from acme_orchestration.registry.workspace import Workspace

__all__ = ["Workspace", "load_workspace", "read_declared"]


def load_workspace(path: Path) -> Workspace:
    """Read a ``connectors.yaml``, and nothing but that; no connector's code is imported.

    Args:
        path: See `read_declared`.

    Raises:
        ConfigurationError: See `read_declared`.
    """
    return link(read_declared(path))


def read_declared(path: Path) -> Workspace:
    """Return the entries of a ``connectors.yaml`` as they stand there, each looked at by itself.

    Args:
        path: The file. Relative paths in its configurations are relative to the process's directory.

    Raises:
        ConfigurationError: There is no such file, it is not YAML, a key stands in it twice, or it does not
            consist of ``connectors`` and ``pipelines`` (codes ``file.missing``, ``file.invalid``). The
            message names the line.
    """
    path = path.absolute()
    document = read_document(path)
    if unknown := [key for key in document if key not in ("connectors", "pipelines")]:
        raise invalid(path, f"{unknown[0]!r} is not a section", "there are connectors and pipelines")
    return Workspace(
        path=path,
        folder=path.parent / "connectors",
        connectors=_entries(path, document, "connectors", connector_entry),
        pipelines=_entries(path, document, "pipelines", pipeline_entry),
    )


def _entries(
    path: Path, document: Mapping[str, Any], section: str, build: Callable[[str, Any], Entry]
) -> dict[str, Entry]:
    raw = document.get(section)
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise invalid(path, f"{section} must be a mapping of names to entries")
    return {str(name): build(str(name), body) for name, body in raw.items()}
