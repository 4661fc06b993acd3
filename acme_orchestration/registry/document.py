"""A YAML file as it is written: a mapping, read strictly, with the line in what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as _FastLoader
except ImportError:  # built without libyaml
    from yaml import SafeLoader as _FastLoader  # type: ignore[assignment]

from acme_sdk.errors import ConfigurationError

__all__ = ["Document", "Stamp", "invalid", "read_document", "stamp_of"]

#: What is another one after a file has changed; ``None`` where there is no file.
Stamp = tuple[int, int, int] | None


@dataclass(frozen=True)
class Document:
    """What stands in a file.

    Attributes:
        path: The file.
        values: Its mapping.
        lines: The lines of the keys one level below: ``("connectors", "users_db")`` → 3.
        stamp: The file's, from before it was read; ``None`` for what stands elsewhere.
    """

    path: Path
    values: Mapping[str, Any]
    lines: Mapping[tuple[str, str], int]
    stamp: Stamp = None


def stamp_of(path: Path) -> Stamp:
    """Return the present stamp of a file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - each request to the API does this
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class _Loader(_FastLoader):
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


def read_document(path: Path) -> Document:
    """Read a file; an empty one is an empty mapping.

    Raises:
        ConfigurationError: There is no such file, it is not YAML, a key stands in it twice, or it is no
            mapping (codes ``file.missing``, ``file.invalid``). The message names the line.
    """
    stamp = stamp_of(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no file {path}", code="file.missing", hint="run this where connectors.yaml is"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise invalid(path, f"cannot be read: {reason}") from None
    try:
        values, lines = _parse(text)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        # The name of an alias may be a password that begins with an asterisk.
        alias = isinstance(error, yaml.composer.ComposerError)
        problem = "a text that begins with * must be quoted" if alias else error.problem
        raise invalid(path, f"{line}{problem}") from None
    except yaml.YAMLError as error:
        raise invalid(path, getattr(error, "reason", None) or "is not YAML") from None
    if not isinstance(values, dict):
        raise invalid(path, "line 1: must be a mapping", "begin with connectors:")
    return Document(path, values, lines, stamp)


def _parse(text: str) -> tuple[Any, dict[tuple[str, str], int]]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return {}, {}
        values = loader.construct_document(node)
    finally:
        loader.dispose()
    lines = {
        (str(section.value), str(key.value)): key.start_mark.line + 1
        for section, entries in (node.value if isinstance(node, yaml.MappingNode) else ())
        for key, _ in (entries.value if isinstance(entries, yaml.MappingNode) else ())
    }
    return {} if values is None else values, lines


def invalid(path: Path, problem: str, hint: str | None = None) -> ConfigurationError:
    """Return the error that says what is wrong with a file."""
    return ConfigurationError(f"{path}: {problem}", code="file.invalid", hint=hint or "correct the file")
