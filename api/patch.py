"""Changing a configuration field by field, and what may not come along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from acme_sdk.errors import FieldProblem
from acme_sdk.secrets import MASK, is_reference

__all__ = ["merged", "patch_problems"]


def merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with a merge patch applied; a mask stands for what was there before."""
    new = dict(old)
    for field, value in patch.items():
        before = old.get(field)
        if value is None:
            new.pop(field, None)
        elif isinstance(value, Mapping) and not is_reference(value):
            new[field] = merged(
                {} if is_reference(before) or not isinstance(before, Mapping) else before, value
            )
        elif value != MASK:
            new[field] = value
    return new


def patch_problems(old: Mapping[str, Any], patch: Mapping[str, Any]) -> list[FieldProblem]:
    """Return what is wrong with a patch of a configuration.

    A secret does not come along when a connector is led elsewhere: it is sent once more, or taken out.

    Args:
        old: The configuration before.
        patch: Its patch.
    """
    before, sent, after = (dict(_leaves(config)) for config in (old, patch, merged(old, patch)))
    problems = [
        FieldProblem(field, "is masked, but there is no secret that could stay as it is")
        for field, value in sent.items()
        if value == MASK and field not in before
    ]
    moved = [
        field
        for field, value in after.items()
        if before.get(field) != value and not is_reference(value) and _leads(field, value)
    ] + [field for field, value in before.items() if field not in after and _leads(field, value)]
    kept = [
        field
        for field, value in after.items()
        if is_reference(value) and before.get(field) == value and sent.get(field, MASK) == MASK
    ]
    if moved:
        message = (
            f"must be sent again, since {moved[0]} changes: a secret does not come along to another place"
        )
        problems += [FieldProblem(field, message) for field in kept]
    return problems


def _leads(field: str, value: Any) -> bool:
    """Tell whether a field may say where a connector leads: numbers and switches do not, but for ports."""
    return not isinstance(value, bool | int | float) or field.rpartition(".")[2] == "port"


def _leaves(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all that is no object, and references, by dotted path."""
    for field, value in config.items():
        if isinstance(value, Mapping) and not is_reference(value):
            yield from _leaves(value, f"{path}{field}.")
        else:
            yield f"{path}{field}", value
