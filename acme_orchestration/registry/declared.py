"""What ``connectors.yaml`` declares: connectors and pipelines.

A file that cannot be read is an error. An entry that is wrong is not: it becomes an entry with a ``fault``,
so that one mistake hides no other connector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from acme_orchestration.registry.document import invalid, read_document
from acme_orchestration.registry.entries import (
    ConnectorEntry,
    Entry,
    PipelineEntry,
    by_dagster_name,
    dagster_name,
)
from acme_orchestration.registry.fields import connector_entry, pipeline_entry, with_fault

__all__ = ["Workspace", "load_workspace"]


@dataclass(frozen=True)
class Workspace:
    """The connectors and pipelines of one file.

    Attributes:
        path: The file, absolute.
        folder: The connectors folder, ``connectors/`` beside the file; it need not exist.
        connectors: Entries by public name, in the file's order.
        pipelines: The same for pipelines.
    """

    path: Path
    folder: Path
    connectors: Mapping[str, ConnectorEntry]
    pipelines: Mapping[str, PipelineEntry]


def load_workspace(path: Path) -> Workspace:
    """Read a ``connectors.yaml``; no connector's code is imported.

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
    connectors = _entries(path, document, "connectors", connector_entry)
    pipelines = _entries(path, document, "pipelines", pipeline_entry)
    shown = by_dagster_name(connectors.values())
    return Workspace(
        path=path,
        folder=path.parent / "connectors",
        connectors=connectors,
        pipelines={name: _linked(entry, connectors, shown) for name, entry in pipelines.items()},
    )


def _entries(
    path: Path, document: Mapping[str, Any], section: str, build: Callable[[str, Any], Entry]
) -> dict[str, Entry]:
    """Build a section's entries; of two names that are one to Dagster, the second is at fault."""
    raw = document.get(section)
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise invalid(path, f"{section} must be a mapping of names to entries")
    taken: dict[str, str] = {}
    entries: dict[str, Entry] = {}
    for name, body in raw.items():
        entry = build(str(name), body)
        first = taken.setdefault(str(name).replace("-", "_"), str(name))
        if first != name and entry.fault is None:
            entry = with_fault(
                entry, f"{section}.{name}: to Dagster this name is the same as {first!r}: choose another"
            )
        entries[str(name)] = entry
    return entries


def _linked(
    pipeline: PipelineEntry,
    connectors: Mapping[str, ConnectorEntry],
    shown: Mapping[str, ConnectorEntry],
) -> PipelineEntry:
    """Return the pipeline, with a ``fault`` if it cannot be run with these connectors.

    Args:
        pipeline: As written.
        connectors: By public name.
        shown: Those that Dagster can show, by their name there.
    """
    if pipeline.fault is not None:
        return pipeline
    where = f"pipelines.{pipeline.name}"
    job = dagster_name(pipeline.name)
    if job == "connectors" or (job.startswith("test_") and job.removeprefix("test_") in shown):
        return with_fault(pipeline, f"{where}: a connector's asset or job has this name: choose another")
    for role, name in (("source", pipeline.source), ("destination", pipeline.destination)):
        if name not in connectors:
            close = get_close_matches(name, connectors, n=1)
            guess = f"; did you mean {close[0]!r}?" if close else ": declare it under connectors"
            return with_fault(pipeline, f"{where}.{role}: there is no connector {name!r}{guess}")
        connector = connectors[name]
        if connector.fault is None and connector.role != role:
            return with_fault(pipeline, f"{where}.{role}: {name!r} is a {connector.role}: name a {role} here")
        if shown.get(name.replace("-", "_")) is not connector:
            return with_fault(pipeline, f"{where}.{role}: {connector.fault}")
    if not pipeline.streams:
        return with_fault(pipeline, f"{where}.streams: there is none: name one, or leave the field out")
    names = [stream.stream for stream in pipeline.streams]
    if twice := [name for name in names if names.count(name) > 1]:
        return with_fault(
            pipeline, f"{where}.streams: {twice[0] or 'the only stream'!r} stands here twice: leave one out"
        )
    return pipeline
