"""What a connector type and a stream are, as JSON: for forms and lists, without importing the connector."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from acme_sdk.catalog import Stream
from acme_sdk.config import config_model
from acme_sdk.connector import Connector
from acme_sdk.cursor import cursor_columns
from acme_sdk.destination import DestinationConnector, StagedDestination
from acme_sdk.errors import ConfigurationError
from acme_sdk.source import BatchSource, SourceConnector

__all__ = ["config_json_schema", "config_schema", "describe_stream", "describe_type"]

Schema = Mapping[str, Mapping[str, Any]]

# Nothing that a page could run.
_ADDRESS = re.compile(r"https?://\S+\Z")
_SUFFIXES = ("Source", "Destination", "Connector")


def config_schema(kind: type[Connector]) -> Schema:
    """Return what a class says about the fields of its configuration.

    Raises:
        ConfigurationError: It raises something (code ``config.schema``).
    """
    try:
        return kind.config_schema() or {}
    except Exception as error:
        raise ConfigurationError(
            f"{kind.__name__}.config_schema() raised {type(error).__name__}: {error}", code="config.schema"
        ) from error


def config_json_schema(kind: type[Connector]) -> dict[str, Any]:
    """Return the JSON Schema of a class's configuration; secret fields are ``writeOnly`` in it.

    Raises:
        ConfigurationError: Its ``config_schema()`` is wrong (code ``config.schema``).
    """
    return config_model(config_schema(kind), kind.__name__).model_json_schema()


def describe_type(classes: Mapping[str, type[Connector]]) -> dict[str, Any]:
    """Return what a connector type is.

    Args:
        classes: Its classes by role.

    Raises:
        ConfigurationError: A ``config_schema()`` is wrong (code ``config.schema``).
    """
    kinds = [kind for _, kind in sorted(classes.items(), reverse=True)]
    return {
        "title": next((str(kind.title) for kind in kinds if kind.title), _title(kinds[0].__name__)),
        "docs_url": next((url for kind in kinds if _ADDRESS.match(url := str(kind.docs_url))), None),
        "roles": [
            {
                "role": kind.role,
                # Not that of a base class: it would describe every connector.
                "description": inspect.cleandoc(kind.__doc__ or ""),
                "capabilities": _capabilities(kind),
                "config_schema": config_json_schema(kind),
            }
            for kind in kinds
        ],
    }


def describe_stream(connector: SourceConnector, stream: Stream) -> dict[str, Any]:
    """Return what a stream is; the source may be asked for its partitions.

    Args:
        connector: The source, set up.
        stream: One of its streams.
    """
    cursor = cursor_columns(stream.cursor_field)
    return {
        "name": stream.name,
        "columns": None
        if stream.schema is None
        else [
            {"name": column.name, "type": str(column.type), "nullable": column.nullable}
            for column in stream.schema
        ],
        "primary_key": list(stream.primary_key),
        "cursor": list(cursor),
        "overlap": None if stream.overlap is None else str(stream.overlap),
        "ordered": stream.ordered,
        "partitions": [partition.name for partition in connector.partitions(stream)],
    }


def _title(class_name: str) -> str:
    """``BigQueryDestination`` → ``BigQuery``."""
    for suffix in _SUFFIXES:
        if class_name.endswith(suffix) and class_name != suffix:
            return class_name.removesuffix(suffix)
    return class_name


def _capabilities(kind: type[Connector]) -> dict[str, Any]:
    if issubclass(kind, DestinationConnector):
        return {
            "write_modes": [mode.value for mode in sorted(kind.write_modes)],
            "exactly_once": issubclass(kind, StagedDestination),
            "child_tables": issubclass(kind, StagedDestination) and kind.child_tables,
        }
    return {
        "incremental": True,
        "columnar": issubclass(kind, BatchSource),
        "several_streams": _overrides(kind, "streams"),
        "partitions": _overrides(kind, "partitions"),
    }


def _overrides(kind: type[Connector], method: str) -> bool:
    return getattr(kind, method) is not getattr(SourceConnector, method)
