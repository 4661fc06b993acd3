"""The fields of a configuration as documentation shows them: one row each, nested ones by their path."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from acme_sdk.config import config_model

__all__ = ["HEADERS", "ConfigField", "config_fields", "markdown_table"]

HEADERS = ("Field", "Type", "Notes", "Default", "Description")


@dataclass(frozen=True)
class ConfigField:
    """One field, ready to be shown.

    Attributes:
        name: Its dotted path, e.g. ``ssl.mode``.
        spec: What ``config_schema()`` says about it.
        role: The only role of the connector type that has it in this form, or ``None`` if all do.
    """

    name: str
    spec: Mapping[str, Any] = field(repr=False)
    role: str | None = None

    def row(self, code: Callable[[str], str] = str) -> tuple[str, ...]:
        """Return the text under each of `HEADERS`.

        Args:
            code: How literal values are marked; not at all by default.
        """
        notes = [note for note in ("required", "secret") if self.spec.get(note)]
        default = self.spec.get("default")
        return (
            code(self.name),
            str(self.spec["type"]),
            ", ".join([*notes, f"{self.role} only"] if self.role else notes),
            "" if default is None else code(_text(default)),
            " ".join(self._sentences(code)),
        )

    def _sentences(self, code: Callable[[str], str]) -> Iterator[str]:
        spec = self.spec
        if description := " ".join(str(spec.get("description") or "").split()):
            yield description if description.endswith((".", "!", "?")) else f"{description}."
        if "enum" in spec:
            yield f"One of {_listed(spec['enum'], code)}."
        low, high = spec.get("minimum"), spec.get("maximum")
        if low is not None and high is not None:
            yield f"From {low} to {high}."
        elif low is not None or high is not None:
            yield f"At least {low}." if high is None else f"At most {high}."
        if "pattern" in spec:
            yield f"Must match {code(spec['pattern'])}."
        if spec.get("examples"):
            yield f"For example {_listed(spec['examples'], code)}."


def config_fields(schemas: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[ConfigField]:
    """Return the fields of a connector type, those that its roles share only once.

    Args:
        schemas: What ``config_schema()`` returns, by role.

    Raises:
        ConfigurationError: A schema is wrong (code ``config.schema``).
    """
    by_role = {role: list(_flat(schema)) for role, schema in schemas.items()}
    found: list[ConfigField] = []
    for role, fields in by_role.items():
        for one in fields:
            shared = all(one in others for others in by_role.values())
            shown = one if shared else ConfigField(one.name, one.spec, role)
            if shown not in found:
                found.append(shown)
    return found


def markdown_table(fields: Iterable[ConfigField]) -> str:
    """Return the fields as a Markdown table, without a line break at its end."""
    rows = [HEADERS, ("---",) * len(HEADERS), *(one.row(_code) for one in fields)]
    return "\n".join(f"| {' | '.join(map(_escaped, row))} |" for row in rows)


def _flat(schema: Mapping[str, Mapping[str, Any]], prefix: str = "") -> Iterator[ConfigField]:
    config_model(schema)  # refuses a schema that is wrong
    for name, spec in schema.items():
        yield ConfigField(f"{prefix}{name}", spec)
        yield from _flat(spec.get("properties", {}), f"{prefix}{name}.")


def _listed(values: Iterable[Any], code: Callable[[str], str]) -> str:
    return ", ".join(code(_text(value)) for value in values)


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{text}`"
