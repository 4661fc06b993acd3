"""Which values of a configuration must not be shown, also where no schema says so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from acme_sdk.secrets import is_reference

__all__ = ["looks_secret", "marked_secrets", "suspected_secrets"]

_NAMES = re.compile(
    r"(^|_)(password|passwd|passphrase|pwd|secret|token|apikey|api_key|access_key|secret_key|private_key|credentials?)$"
)
_NOT_SECRET = re.compile(r"(page|next|sync|continuation|cursor)_token$")


def looks_secret(field: str) -> bool:
    """Tell by its name whether a field holds a secret.

    >>> looks_secret("api_key"), looks_secret("key_column"), looks_secret("next_page_token")
    (True, False, False)
    """
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field).lower().replace("-", "_")
    return bool(_NAMES.search(name)) and not _NOT_SECRET.search(name)


def marked_secrets(schema: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values of the fields that a schema marks as secret, nested ones included."""
    for field, spec in schema.items():
        value = values.get(field)
        if not isinstance(spec, Mapping) or value is None:
            continue
        if spec.get("secret"):
            yield from _texts(value)
        elif isinstance(value, Mapping) and isinstance(spec.get("properties"), Mapping):
            yield from marked_secrets(spec["properties"], value)


def suspected_secrets(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is most likely a secret: fields by their name, and passwords inside URLs."""
    for field, value in values.items():
        if looks_secret(field) and not is_reference(value):
            yield from _texts(value)
        elif isinstance(value, Mapping):
            yield from suspected_secrets(value)
        elif isinstance(value, str) and "://" in value:
            yield from _url_passwords(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _url_passwords(url: str) -> Iterator[str]:
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
