"""Where a configuration that is registered over HTTP may lead, for the built-in types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from acme_sdk.errors import AcmeError, FieldProblem
from api.probing.egress import EgressPolicy, EgressRefusedError

__all__ = ["place_problems"]

_RESOLVE_S = 5


def place_problems(type_name: str, config: Mapping[str, Any], egress: EgressPolicy) -> list[FieldProblem]:
    """Return what is wrong with where a configuration of a built-in type leads.

    Args:
        type_name: The type.
        config: As written.
        egress: Which addresses may be reached.
    """
    if type_name == "postgres":
        return [
            problem for field in ("host", "hostaddr") for problem in _host_problems(field, config, egress)
        ]
    path = config.get("path")
    if type_name in ("duckdb", "parquet") and isinstance(path, str):
        pure = PurePath(path)
        if pure.is_absolute() or ".." in pure.parts or path.startswith("~"):
            return [
                FieldProblem(
                    "path", "must lie in the folder in which Dagster runs: write it without .. and /"
                )
            ]
    return []


def _host_problems(field: str, config: Mapping[str, Any], egress: EgressPolicy) -> Iterator[FieldProblem]:
    host, port = config.get(field), config.get("port", 5432)
    if not isinstance(host, str) or not isinstance(port, int):
        return  # a reference, or what the type's schema refuses
    if not host or "/" in host or "," in host or "%" in host or host.startswith("@"):
        yield FieldProblem(field, "must be the name or the address of one host")
        return
    try:
        egress.resolve(host, port, timeout=_RESOLVE_S)
    except EgressRefusedError as error:
        yield FieldProblem(field, f"{error.message}: {error.hint}")
    except AcmeError:
        return  # it may not be there yet
