"""What ``connectors.yaml`` declares: connectors and pipelines.

A file that cannot be read is an error. An entry that is wrong is not: it becomes an entry with a ``fault``,
so that one mistake hides no other connector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from acme_orchestration.registry.entries import (
    ConnectorEntry,
    PipelineEntry,
    StreamEntry,
    by_dagster_name,
    dagster_name,
)
from acme_sdk.config import literal_secrets
from acme_sdk.errors import ConfigurationError
from acme_sdk.plugins import connector_class

__all__ = ["Workspace", "load_workspace", "verify"]

Entry = TypeVar("Entry", ConnectorEntry, PipelineEntry)


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
    document = _read(path)
    if unknown := [key for key in document if key not in ("connectors", "pipelines")]:
        raise _invalid(path, f"{unknown[0]!r} is not a section", "there are connectors and pipelines")
    connectors = _entries(path, document, "connectors", _connector)
    pipelines = _entries(path, document, "pipelines", _pipeline)
    shown = by_dagster_name(connectors.values())
    return Workspace(
        path=path,
        folder=path.parent / "connectors",
        connectors=connectors,
        pipelines={name: _linked(entry, connectors, shown) for name, entry in pipelines.items()},
    )


def verify(workspace: Workspace) -> Workspace:
    """Return the workspace with a ``fault`` where a connector's type and its configuration do not fit.

    That is a type that does not exist or cannot be imported, and a secret that stands in the clear: which
    fields are secret is known to the connector's class alone. This imports connectors' code.
    """
    schemas: dict[tuple[str, str], Mapping[str, Any] | str] = {}
    connectors = {}
    for name, entry in workspace.connectors.items():
        key = (entry.type, entry.role)
        if key not in schemas:
            schemas[key] = _schema(entry, workspace.folder)
        connectors[name] = entry if entry.fault is not None else _verified(entry, schemas[key])
    return replace(workspace, connectors=connectors)


def _schema(entry: ConnectorEntry, folder: Path) -> Mapping[str, Any] | str:
    """Return the schema of an entry's type, or why there is none."""
    try:
        return connector_class(entry.type, entry.role, folder).config_schema() or {}
    except ConfigurationError as error:
        return f"{error.message}: {error.hint}" if error.hint else error.message
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an author's module may do anything
        return f"the connector type {entry.type!r} cannot be used: {type(error).__name__}: {error}"


def _verified(entry: ConnectorEntry, schema: Mapping[str, Any] | str) -> ConnectorEntry:
    where = f"connectors.{entry.name}"
    if isinstance(schema, str):
        return _with_fault(entry, f"{where}.type: {schema}")
    if fields := literal_secrets(schema, entry.config):
        names = ", ".join(f"{where}.config.{field}" for field in fields)
        return _with_fault(
            entry,
            f"{names}: a secret stands here in the clear; write a reference, e.g. {{env: VARIABLE}}, instead",
        )
    return entry


class _Loader(yaml.SafeLoader):
    """YAML without the trap of a second key that silently replaces the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    problem=f"{key.value!r} stands in line {seen[key.value]} and again in line {line}",
                    problem_mark=key.start_mark,
                )
            if isinstance(key, yaml.ScalarNode):
                seen[key.value] = line
        return super().construct_mapping(node, deep)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no file {path}", code="file.missing", hint="run this where connectors.yaml is"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise _invalid(path, f"cannot be read: {reason}") from None
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        # The name of an alias may be a password that begins with an asterisk.
        alias = isinstance(error, yaml.composer.ComposerError)
        problem = "a text that begins with * must be quoted" if alias else error.problem
        raise _invalid(path, f"{line}{problem}") from None
    except yaml.YAMLError as error:
        raise _invalid(path, getattr(error, "reason", None) or "is not YAML") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise _invalid(path, "line 1: must be a mapping", "begin with connectors:")
    return document


def _invalid(path: Path, problem: str, hint: str | None = None) -> ConfigurationError:
    return ConfigurationError(f"{path}: {problem}", code="file.invalid", hint=hint or "correct the file")


def _entries(
    path: Path, document: Mapping[str, Any], section: str, build: Callable[[str, Any], Entry]
) -> dict[str, Entry]:
    """Build a section's entries; of two names that are one to Dagster, the second is at fault."""
    raw = document.get(section)
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise _invalid(path, f"{section} must be a mapping of names to entries")
    taken: dict[str, str] = {}
    entries: dict[str, Entry] = {}
    for name, body in raw.items():
        entry = build(str(name), body)
        first = taken.setdefault(str(name).replace("-", "_"), str(name))
        if first != name and entry.fault is None:
            entry = _with_fault(
                entry, f"{section}.{name}: to Dagster this name is the same as {first!r}: choose another"
            )
        entries[str(name)] = entry
    return entries


def _connector(name: str, body: Any) -> ConnectorEntry:
    try:
        return ConnectorEntry.model_validate(_body(f"connectors.{name}", body) | {"name": name})
    except ValidationError as error:
        fault = _explain(f"connectors.{name}", error, ConnectorEntry)
    except ConfigurationError as error:
        fault = error.message
    return ConnectorEntry.model_construct(
        name=name,
        type=_text(body, "type") or "unknown",
        role="destination" if _text(body, "role") == "destination" else "source",
        fault=fault,
    )


def _pipeline(name: str, body: Any) -> PipelineEntry:
    where = f"pipelines.{name}"
    try:
        body = _body(where, body)
        if isinstance(body.get("streams"), list):
            body["streams"] = [{"stream": s} if isinstance(s, str) else s for s in body["streams"]]
        return PipelineEntry.model_validate(body | {"name": name})
    except ValidationError as error:
        fault = _explain(where, error, PipelineEntry)
    except ConfigurationError as error:
        fault = error.message
    return PipelineEntry.model_construct(
        name=name, source=_text(body, "source"), destination=_text(body, "destination"), fault=fault
    )


def _body(where: str, body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ConfigurationError(f"{where}: must be a mapping of fields")
    for field in ("name", "fault"):
        if field in body:
            raise ConfigurationError(f"{where}.{field}: is not a field: leave it out")
    return dict(body)


def _text(body: Any, field: str) -> str:
    value = body.get(field) if isinstance(body, dict) else None
    return value if isinstance(value, str) else ""


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
        return _with_fault(pipeline, f"{where}: a connector's asset or job has this name: choose another")
    for role, name in (("source", pipeline.source), ("destination", pipeline.destination)):
        if name not in connectors:
            close = get_close_matches(name, connectors, n=1)
            guess = f"; did you mean {close[0]!r}?" if close else ": declare it under connectors"
            return _with_fault(pipeline, f"{where}.{role}: there is no connector {name!r}{guess}")
        connector = connectors[name]
        if connector.fault is None and connector.role != role:
            return _with_fault(
                pipeline, f"{where}.{role}: {name!r} is a {connector.role}: name a {role} here"
            )
        if shown.get(name.replace("-", "_")) is not connector:
            return _with_fault(pipeline, f"{where}.{role}: {connector.fault}")
    if not pipeline.streams:
        return _with_fault(pipeline, f"{where}.streams: there is none: name one, or leave the field out")
    names = [stream.stream for stream in pipeline.streams]
    if twice := [name for name in names if names.count(name) > 1]:
        return _with_fault(
            pipeline, f"{where}.streams: {twice[0] or 'the only stream'!r} stands here twice: leave one out"
        )
    return pipeline


def _with_fault(entry: Entry, fault: str) -> Entry:
    return entry.model_copy(update={"fault": fault})


def _explain(where: str, error: ValidationError, model: type[ConnectorEntry] | type[PipelineEntry]) -> str:
    """One sentence per wrong field, without the values, which could be secrets."""
    sentences = []
    for problem in error.errors(include_url=False, include_input=False):
        path = ".".join([where, *(str(part) for part in problem["loc"] if part != "name")])
        match problem["type"]:
            case "missing":
                message = "is required, but missing"
            case "extra_forbidden":
                fields = StreamEntry.model_fields if "streams" in problem["loc"] else model.model_fields
                known = [field for field in fields if field not in ("name", "fault")]
                close = get_close_matches(str(problem["loc"][-1]), known, n=1)
                message = "is not a field" + (f"; did you mean {close[0]!r}?" if close else "")
            case _:
                message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        sentences.append(f"{path}: {message}")
    return "; ".join(sentences)
