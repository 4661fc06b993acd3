"""What ``acme connectors`` and ``acme pipelines`` share: showing what there is, and changing the registry."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from acme.cli.columns import print_columns
from acme.cli.workspace import Where

if TYPE_CHECKING:
    from acme_orchestration.registration import Registrar
    from acme_orchestration.registry.entries import Kind
    from acme_orchestration.registry.records import Change, Record
    from acme_orchestration.registry.workspace import Workspace

__all__ = [
    "actor", "json_option", "open_registrar", "print_entry", "print_history", "print_list", "seen",
    "version_option",
]  # fmt: skip

#: ``--version``, for a change that must not overwrite somebody else's.
version_option = click.option(
    "--version", type=int, help="Only if this is still its version; the present one by default."
)

#: ``--json``, the same for all of these commands.
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def open_registrar(where: Where) -> Registrar:
    """Return what writes to the registry of a workspace.

    Raises:
        ConfigurationError: See `Where.registry`.
    """
    from acme_orchestration.registration import Registrar

    return Registrar(where.path, where.registry(), where.environment)


def seen(where: Where, kind: Kind, name: str, version: int | None) -> tuple[Record, int]:
    """Return what is registered now, and the version that a change of it is based on."""
    record = open_registrar(where).get(kind, name)
    return record, record.version if version is None else version


def actor() -> str:
    """Return who runs the command, for the audit trail."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def print_list(workspace: Workspace, kind: Kind, fields: Sequence[str], as_json: bool) -> None:
    """Print the connectors or pipelines of a workspace, declared and registered.

    Args:
        workspace: The workspace.
        kind: ``connector`` or ``pipeline``.
        fields: What the table has beside name, origin and state.
        as_json: JSON instead, with everything.
    """
    from acme_orchestration.registry.listing import listed

    found = listed(workspace, kind)
    if as_json:
        _print_json([one.to_json() for one in found])
        return
    lines = [
        (o.entry.name, *(str(getattr(o.entry, field)) for field in fields), o.origin, o.state) for o in found
    ]
    print_columns([("Name", *(field.capitalize() for field in fields), "Origin", "State"), *lines])


def print_entry(workspace: Workspace, kind: Kind, name: str, as_json: bool) -> None:
    """Print one connector or pipeline: twice, if it is both declared and registered.

    Raises:
        EntryUnknownError: There is none of this name.
    """
    from acme_orchestration.registry.errors import EntryUnknownError
    from acme_orchestration.registry.listing import listed

    found = [one.to_json() for one in listed(workspace, kind) if one.entry.name == name]
    if not found:
        raise EntryUnknownError(
            f"there is no {kind} {name!r}", code=f"{kind}.unknown", hint=f"acme {kind}s list shows all"
        )
    if as_json:
        _print_json(found)
        return
    for fields in found:
        lines = _flat({field: value for field, value in fields.items() if value not in (None, [], {}, False)})
        print_columns([(field, v if isinstance(v, str) else _json(v)) for field, v in lines.items()])


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def print_history(changes: Sequence[Change], as_json: bool) -> None:
    """Print who changed what, and when; the newest first."""
    if as_json:
        _print_json([vars(change) | {"at": change.at.isoformat()} for change in changes])
        return
    lines = [
        (str(c.id), f"{c.at:%Y-%m-%d %H:%M:%S}", c.actor, c.action, c.name, _difference(c.before, c.after))
        for c in changes
    ]
    print_columns([("Version", "At (UTC)", "Who", "What", "Name", "Changed"), *lines])


def _difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    """Say which fields are others than before, or what came of something that changed none."""
    if before is None and after is not None and "type" not in after and "source" not in after:
        return ", ".join(f"{field}: {_json(value)}" for field, value in after.items())
    if before is None or after is None:
        return ""
    old, new = _flat(before), _flat(after)
    fields = [field for field in {**old, **new} if old.get(field) != new.get(field)]
    return ", ".join(f"{field}: {_text(old, field)} → {_text(new, field)}" for field in fields)


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    config = value.get("config", {})
    return {k: v for k, v in value.items() if k != "config"} | {f"config.{k}": v for k, v in config.items()}


def _text(fields: Mapping[str, Any], field: str) -> str:
    return _json(fields[field]) if field in fields else "nothing"
