"""The secrets in a configuration, as its schema tells them: written in the clear, referred to, resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from acme_sdk.errors import FieldProblem, SecretError
from acme_sdk.secrets.reference import Reference, SecretResolver, is_reference

__all__ = ["literal_secrets", "reference_problems", "resolve", "secret_values"]

Schema = Mapping[str, Mapping[str, Any]]

# What a reference resolves to is text: the other types are read out of it.
_SCALARS: dict[str, Any] = {"string": None, "integer": int, "number": float, "boolean": bool}


def literal_secrets(schema: Schema, raw: Mapping[str, Any]) -> list[str]:
    """Return the paths of secret fields that are written in the clear instead of as a reference."""
    found: list[str] = []
    for field, spec in schema.items():
        value = raw.get(field)
        if value is None or _refers(spec, value):
            continue
        if spec.get("secret"):
            found.append(field)
        elif isinstance(value, Mapping) and "properties" in spec:
            found += [f"{field}.{path}" for path in literal_secrets(spec["properties"], value)]
    return found


def reference_problems(schema: Schema, raw: Mapping[str, Any]) -> list[FieldProblem]:
    """Return what is wrong with the references as they are written; no store is imported or asked."""
    return list(_reference_problems(schema, raw, ""))


def _reference_problems(schema: Schema, raw: Mapping[str, Any], path: str) -> Iterator[FieldProblem]:
    for field, value in raw.items():
        spec = schema.get(field, {})
        if isinstance(value, Mapping) and "properties" in spec:
            yield from _reference_problems(spec["properties"], value, f"{path}{field}.")
        elif _refers(spec, value):
            try:
                Reference.parse(value)
            except SecretError as error:
                yield FieldProblem(f"{path}{field}", f"{error.message}; {error.hint}")


def _refers(spec: Mapping[str, Any], value: object) -> bool:
    """Tell whether a value is a reference: where no object may stand, any mapping of one key is meant so."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    return spec["type"] in _SCALARS if "type" in spec else is_reference(value)


def resolve(schema: Schema, raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Replace references by what they stand for.

    Args:
        schema: What ``config_schema()`` returned; empty for any fields.
        raw: The configuration as written.

    Returns:
        The configuration, and those of the resolved values that are secret.

    Raises:
        SecretError: A reference cannot be resolved.
    """
    secrets: list[str] = []
    with SecretResolver() as resolver:
        return _resolve(schema, raw, resolver, secrets), secrets


def _resolve(
    schema: Schema, raw: Mapping[str, Any], resolver: SecretResolver, secrets: list[str], path: str = ""
) -> dict[str, Any]:
    resolved: dict[str, Any] = {}
    for field, value in raw.items():
        spec = schema.get(field, {})
        where = f"{path}{field}"
        if isinstance(value, Mapping) and "properties" in spec:
            resolved[field] = _resolve(spec["properties"], value, resolver, secrets, f"{where}.")
        elif _refers(spec, value):
            text = resolver.resolve(where, value)
            # Without a schema nobody says which fields are secret: what comes from a store is.
            if not schema or spec.get("secret"):
                secrets.append(text)
            resolved[field] = _read(text, spec.get("type"))
        else:
            resolved[field] = value
    return resolved


def _read(text: str, kind: str | None) -> Any:
    if kind is None or _SCALARS[kind] is None:
        return text
    try:
        return TypeAdapter(_SCALARS[kind]).validate_python(text)
    except ValidationError:
        return text  # the model says what is wrong with it


def secret_values(schema: Schema, values: Mapping[str, Any]) -> list[str]:
    """Return the values of the fields that a schema marks as secret, as text."""
    found: list[str] = []
    for field, spec in schema.items():
        value = values.get(field)
        if spec.get("secret") and value is not None:
            found += _texts(value)
        elif isinstance(value, Mapping) and "properties" in spec:
            found += secret_values(spec["properties"], value)
    return found


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [] if isinstance(value, bool) else [str(value)]
