"""Whether the entries of a workspace go together: names that are one to Dagster, pipelines and their ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from acme_orchestration.registry.entries import (
    ConnectorEntry,
    Entry,
    PipelineEntry,
    by_dagster_name,
    dagster_name,
    translated,
)
from acme_orchestration.registry.faults import with_fault
from acme_orchestration.registry.workspace import Workspace

__all__ = ["link"]


def link(workspace: Workspace) -> Workspace:
    """Return the workspace with a ``fault`` where an entry cannot be beside the others.

    Of two names that are one to Dagster, the second is at fault; and so is a pipeline that cannot be run with
    the workspace's connectors.
    """
    connectors = _told_apart("connectors", workspace.connectors)
    pipelines = _told_apart("pipelines", workspace.pipelines)
    shown = by_dagster_name(connectors.values())
    return replace(
        workspace,
        connectors=connectors,
        pipelines={
            name: _placed(workspace, entry, _linked(entry, connectors, shown))
            for name, entry in pipelines.items()
        },
    )


def _placed(workspace: Workspace, entry: PipelineEntry, linked: PipelineEntry) -> PipelineEntry:
    """Say where a pipeline stands that only now turns out to be at fault."""
    if entry.fault is not None or linked.fault is None:
        return linked
    return workspace.at_fault("pipelines", linked, linked.fault)


def _told_apart(section: str, entries: Mapping[str, Entry]) -> dict[str, Entry]:
    taken: dict[str, str] = {}
    found: dict[str, Entry] = {}
    for name, entry in entries.items():
        first = taken.setdefault(translated(name), name)
        if first != name and entry.fault is None:
            fault = f"{section}.{name}: to Dagster this name is the same as {first!r}: choose another"
            found[name] = with_fault(entry, fault)
        else:
            found[name] = entry
    return found


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
            guess = f"; did you mean {close[0]!r}?" if close else ": declare or register it"
            return with_fault(pipeline, f"{where}.{role}: there is no connector {name!r}{guess}")
        connector = connectors[name]
        if connector.fault is None and connector.role != role:
            return with_fault(pipeline, f"{where}.{role}: {name!r} is a {connector.role}: name a {role} here")
        if shown.get(translated(name)) is not connector:
            return with_fault(pipeline, f"{where}.{role}: {connector.fault}")
    if not pipeline.streams:
        return with_fault(pipeline, f"{where}.streams: there is none: name one, or leave the field out")
    names = [stream.stream for stream in pipeline.streams]
    if twice := [name for name in names if names.count(name) > 1]:
        return with_fault(
            pipeline, f"{where}.streams: {twice[0] or 'the only stream'!r} stands here twice: leave one out"
        )
    return pipeline
