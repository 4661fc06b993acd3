"""Changing a configuration field by field, and what may not come along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any
from urllib.parse import SplitResult, urlsplit

from acme_orchestration.registry.masking import masked
from acme_sdk.errors import FieldProblem
from acme_sdk.secrets import MASK, is_reference

__all__ = ["merged", "patch_problems"]


def merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with a merge patch applied.

    A mask stands for the secret that is at the same place: a reference, or what is shown masked. In a list
    that is the same index; in an address it is the password, as long as nothing but the path
    changes. A mask that stands for nothing is left, for `patch_problems` to tell.
    """
    return _merged(old, masked(old), patch)


def patch_problems(old: Mapping[str, Any], patch: Mapping[str, Any]) -> list[FieldProblem]:
    """Return what is wrong with a patch of a configuration.

    A secret does not come along when a connector is led elsewhere: it is sent once more, or taken out.

    Args:
        old: The configuration before.
        patch: Its patch.
    """
    before, sent, after = (dict(_leaves(config)) for config in (old, patch, merged(old, patch)))
    secrets = set(_secrets(old, masked(old)))
    problems = [
        FieldProblem(field, "is masked, but no secret is stored that it could stand for: send it again")
        for field, value in after.items()
        if _has_mask(value)
    ]
    moved = [
        field
        for field, value in after.items()
        if before.get(field) != value and not is_reference(value) and _leads(field, value)
        # An address with a mask in it leads where it did.
        if not _has_mask(sent.get(field))
    ] + [field for field, value in before.items() if field not in after and _leads(field, value)]
    kept = [field for field in after if field in secrets and _has_mask(sent.get(field, MASK))]
    if moved:
        message = (
            f"must be sent again, since {moved[0]} changes: a secret does not come along to another place"
        )
        problems += [FieldProblem(field, message) for field in kept if not _has_mask(after[field])]
    return problems


def _merged(old: Mapping[str, Any], shown: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    new = dict(old)
    for field, value in patch.items():
        before = old.get(field)
        if value is None:
            new.pop(field, None)
        elif isinstance(value, Mapping) and not is_reference(value):
            inner = before if isinstance(before, Mapping) and not is_reference(before) else {}
            new[field] = _merged(inner, _at(shown, field), value)
        else:
            new[field] = _filled(before, _at(shown, field), value)
    return new


def _filled(before: Any, shown: Any, value: Any) -> Any:
    """Return a value with what was there before in the place of its masks, where that was a secret."""
    if value == MASK:
        is_secret = before is not None and (shown == MASK or is_reference(before))
        return before if is_secret else value
    if isinstance(value, str):
        return _with_password(before, value) if _has_mask(value) else value
    if isinstance(value, list):
        # Of a list that has become shorter, nobody can tell which item was taken out.
        known = before if isinstance(before, list) and len(before) <= len(value) else []
        pairs = zip_longest(value, known)
        return [_filled(old, _at(shown, index), item) for index, (item, old) in enumerate(pairs)]
    if isinstance(value, Mapping) and not is_reference(value):
        return {field: _filled(_at(before, field), _at(shown, field), item) for field, item in value.items()}
    return value


def _at(value: Any, place: str | int) -> Any:
    """Return what is at a place of an object or a list; of one that is shown as a mask, a mask."""
    if value == MASK:
        return MASK
    try:
        return value[place]
    except (LookupError, TypeError):
        return None


def _with_password(before: Any, address: str) -> str:
    """Return an address whose password is masked with the password that it had before."""
    try:
        old, new = urlsplit(before if isinstance(before, str) else ""), urlsplit(address)
        is_same = new.password == MASK and old.password is not None and _place(old) == _place(new)
    except ValueError:
        is_same = False
    if not is_same:
        return address
    credentials, _, _ = old.netloc.rpartition("@")
    return new._replace(netloc=f"{credentials}@{new.netloc.rpartition('@')[2]}").geturl()


def _place(address: SplitResult) -> tuple[object, ...]:
    # Some drivers take a host from the query.
    return (
        address.scheme,
        address.username,
        address.hostname,
        address.port,
        address.query,
        address.fragment,
    )


def _has_mask(value: object) -> bool:
    return isinstance(value, str) and MASK in value


def _leads(field: str, value: Any) -> bool:
    """Tell whether a field may say where a connector leads: numbers and switches do not, but for ports."""
    return not isinstance(value, bool | int | float) or field.rpartition(".")[2] == "port"


def _secrets(value: Any, shown: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of the leaves that are references, or shown masked."""
    if not (inner := list(_inner(value))) and (is_reference(value) or shown == MASK):
        yield path
    for place, item in inner:
        yield from _secrets(item, _at(shown, place), f"{path}.{place}".lstrip("."))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield references and all that is neither object nor list, by dotted path."""
    if not (inner := list(_inner(value))):
        yield path, value
    for place, item in inner:
        yield from _leaves(item, f"{path}.{place}".lstrip("."))


def _inner(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield what an object or a list holds, by name or index; a reference counts as one value."""
    if isinstance(value, list):
        yield from enumerate(value)
    elif isinstance(value, Mapping) and not is_reference(value):
        yield from value.items()
