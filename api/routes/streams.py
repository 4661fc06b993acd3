"""What a connector can read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

from api.access.auth import caller
from api.messages.catalogue import possible_problems
from api.routes.entries import find_connector, require_usable
from api.schemas import ConnectorPath, StreamListAnswer, StreamQuery
from api.services import services

__all__ = ["streams"]

streams = APIBlueprint(
    "streams",
    __name__,
    url_prefix="/api/v1/connectors/<name>/streams",
    abp_tags=[Tag(name="connectors", description="Source and destination connectors.")],
)


@streams.get(
    "",
    operation_id="listStreams",
    description="The source is asked, unless the last answer is young enough. A destination has none.",
    responses={200: StreamListAnswer}
    | possible_problems(
        "connector.unknown",
        "connector.unusable",
        "connector.disabled",
        "egress.refused",
        "streams.unchecked",
        "tests.busy",
        "connect.refused",
        "timeout",
        "workspace.invalid",
    ),
)
def list_streams(path: ConnectorPath, query: StreamQuery) -> dict[str, Any]:
    """List the streams of a connector."""
    workspace = services().workspace.read()
    entry = find_connector(workspace, path.name)
    if entry.role == "destination":
        answer = StreamListAnswer(data=[], as_of=datetime.now(UTC))
    else:
        require_usable(entry)
        answer = services().streams.streams(entry, workspace, caller().name, query.max_age)
    return answer.model_dump(mode="json")
