"""From fields as written to entries; what is wrong with one becomes its fault, which hides no other."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from acme_orchestration.registry.entries import ConnectorEntry, PipelineEntry, StreamEntry
from acme_sdk.errors import ConfigurationError

__all__ = ["connector_entry", "pipeline_entry"]


def connector_entry(name: str, body: Any) -> ConnectorEntry:
    """Return the connector that stands under a name; one that is wrong has a ``fault``."""
    try:
        return ConnectorEntry.model_validate(_body(f"connectors.{name}", body) | {"name": name})
    except ValidationError as error:
        fault = _explain(f"connectors.{name}", error, ConnectorEntry)
    except ConfigurationError as error:
        fault = error.message
    return ConnectorEntry.model_construct(
        name=name,
        type=_text(body, "type") or "unknown",
        role="destination" if _text(body, "role") == "destination" else "source",
        fault=fault,
    )


def pipeline_entry(name: str, body: Any) -> PipelineEntry:
    """Return the pipeline that stands under a name; one that is wrong has a ``fault``.

    Its connectors are not looked at.
    """
    where = f"pipelines.{name}"
    try:
        body = _body(where, body)
        if isinstance(body.get("streams"), list):
            body["streams"] = [{"stream": s} if isinstance(s, str) else s for s in body["streams"]]
        return PipelineEntry.model_validate(body | {"name": name})
    except ValidationError as error:
        fault = _explain(where, error, PipelineEntry)
    except ConfigurationError as error:
        fault = error.message
    return PipelineEntry.model_construct(
        name=name, source=_text(body, "source"), destination=_text(body, "destination"), fault=fault
    )


def _body(where: str, body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ConfigurationError(f"{where}: must be a mapping of fields")
    for field in ("name", "fault"):
        if field in body:
            raise ConfigurationError(f"{where}.{field}: is not a field: leave it out")
    return dict(body)


def _text(body: Any, field: str) -> str:
    value = body.get(field) if isinstance(body, dict) else None
    return value if isinstance(value, str) else ""


def _explain(where: str, error: ValidationError, model: type[ConnectorEntry] | type[PipelineEntry]) -> str:
    """One sentence per wrong field, without the values, which could be secrets."""
    sentences = []
    for problem in error.errors(include_url=False, include_input=False):
        path = ".".join([where, *(str(part) for part in problem["loc"] if part != "name")])
        match problem["type"]:
            case "missing":
                message = "is required, but missing"
            case "extra_forbidden":
                fields = StreamEntry.model_fields if "streams" in problem["loc"] else model.model_fields
                known = [field for field in fields if field not in ("name", "fault")]
                close = get_close_matches(str(problem["loc"][-1]), known, n=1)
                message = "is not a field" + (f"; did you mean {close[0]!r}?" if close else "")
            case _:
                message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        sentences.append(f"{path}: {message}")
    return "; ".join(sentences)
