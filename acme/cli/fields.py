"""The fields of a connector's configuration on the command line: asked for, or read from ``--set``."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
import yaml

__all__ = ["ask_fields", "assign", "read_value", "set_fields"]

Schema = Mapping[str, Mapping[str, Any]]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def set_fields(config: Mapping[str, Any], settings: Iterable[str], schema: Schema) -> dict[str, Any]:
    """Return a configuration with the fields of ``--set`` in it.

    Args:
        config: What there is so far.
        settings: ``FIELD=VALUE``, nested fields by their path; an empty value takes the field out.
        schema: The type's, which says whether a value is text or YAML.
    """
    changed = dict(config)
    for setting in settings:
        path, sign, text = setting.partition("=")
        if not sign or not path:
            raise click.UsageError(f"--set takes FIELD=VALUE, not {path!r}")
        assign(changed, path.split("."), read_value(text, _spec(schema, path.split("."))) if text else None)
    return changed


def assign(config: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a value under a path; ``None`` takes out what is there."""
    field, *rest = path
    if rest:
        inner = config.get(field)
        inner = dict(inner) if isinstance(inner, dict) else {}
        assign(inner, rest, value)
        value = inner or None
    if value is None:
        config.pop(field, None)
    else:
        config[field] = value


def read_value(text: str, spec: Mapping[str, Any]) -> Any:
    """Read a value: text as it stands; anything else, and a reference, as YAML."""
    if spec.get("type", "string") == "string" and not re.fullmatch(r"\{\s*\w+\s*:.*\}", text, re.DOTALL):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text  # the schema says what is wrong with it


def ask_fields(config: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Ask for each field that is not there yet; what is typed for a secret does not appear on the screen.

    Args:
        config: What is known already.
        schema: The type's.
    """
    answered = dict(config)
    for field, spec in schema.items():
        if field in answered:
            continue
        if "properties" in spec and not spec.get("secret"):
            inner = _ask_group(field, spec)
            if inner:
                answered[field] = inner
            continue
        value = _ask_reference(field, spec) if spec.get("secret") else _ask(field, spec)
        if value is not None:
            answered[field] = value
    return answered


def _ask_group(field: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    _describe(field, spec)
    if not spec.get("required") and not click.confirm(f"Set {field}?", default=False):
        return {}
    return ask_fields({}, spec["properties"])


def _ask(field: str, spec: Mapping[str, Any]) -> Any:
    from acme_sdk.config import config_model, written_problems

    _describe(field, spec)
    schema = {field: {**spec, "required": True}}
    model = config_model(schema)
    default = spec.get("default")
    shown = "" if default is None else default if isinstance(default, str) else json.dumps(default)
    while True:
        text = click.prompt(field, default=shown, show_default=bool(shown))
        if text == shown and not spec.get("required"):
            return None
        value = read_value(text, spec)
        problems = written_problems(schema, model, {field: value})
        if not problems:
            return value
        click.echo(f"{field} {problems[0].message}")


def _ask_reference(field: str, spec: Mapping[str, Any]) -> dict[str, str] | None:
    """Ask where a secret is. A secret that is typed here by mistake is neither shown nor kept."""
    _describe(field, spec)
    prompt = f"{field}: environment variable or file with the secret (hidden)"
    while True:
        text = click.prompt(prompt, default="", show_default=False, hide_input=True)
        if not text:
            if not spec.get("required"):
                return None
            click.echo(f"{field} is required, but missing")
        elif _VARIABLE.fullmatch(text) and text in os.environ:
            click.echo(f"{field}: {{env: {text}}}")
            return {"env": text}
        elif Path(text).is_absolute() and Path(text).is_file():
            click.echo(f"{field}: {{file: {text}}}")
            return {"file": text}
        else:
            click.echo(
                "That is neither an environment variable that is set here nor the absolute path of a file. "
                "The secret itself is not stored: put it into one of them."
            )


def _describe(field: str, spec: Mapping[str, Any]) -> None:
    from acme_sdk.fields import ConfigField

    *_, description = ConfigField(field, spec).row()
    notes = "required" if spec.get("required") else "optional"
    click.secho(f"{field} ({notes}) {description}".rstrip(), dim=True)


def _spec(schema: Schema, path: list[str]) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = schema.get(path[0], {})
    for part in path[1:]:
        spec = spec.get("properties", {}).get(part, {})
    return spec
