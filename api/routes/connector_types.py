"""Connector types: what can be configured, and how."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

from api.access.auth import caller
from api.messages.answers import NOT_CHANGED, digest_of, tagged
from api.messages.catalogue import possible_problems
from api.messages.problems import ProblemError
from api.schemas import ConnectorTypeAnswer, ConnectorTypeItem, ConnectorTypeListAnswer, TypePath
from api.services import services

__all__ = ["connector_types"]

connector_types = APIBlueprint(
    "connector_types",
    __name__,
    url_prefix="/api/v1/connector-types",
    abp_tags=[Tag(name="connector types", description="What a connector can be, and what it is told.")],
)


@connector_types.get(
    "",
    operation_id="listConnectorTypes",
    description="Built in, installed, and those of the connectors folder, by name. A type that cannot be "
    "used has a `fault`.",
    responses={200: ConnectorTypeListAnswer}
    | NOT_CHANGED
    | possible_problems("tests.busy", "workspace.invalid"),
)
def list_types() -> Response:
    """List connector types."""
    return _tagged(ConnectorTypeListAnswer(data=list(_items().values())))


@connector_types.get(
    "/<type>",
    operation_id="getConnectorType",
    responses={200: ConnectorTypeAnswer}
    | NOT_CHANGED
    | possible_problems("connector_type.unknown", "tests.busy", "workspace.invalid"),
)
def get_type(path: TypePath) -> Response:
    """Get a connector type."""
    item = _items().get(path.type)
    if item is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "connector_type.unknown",
            "there is no connector type of this name; GET /api/v1/connector-types lists them",
        )
    return _tagged(ConnectorTypeAnswer(data=item))


def _items() -> Mapping[str, ConnectorTypeItem]:
    return services().types.items(services().workspace.read().folder, caller().name)


def _tagged(answer: ConnectorTypeAnswer | ConnectorTypeListAnswer) -> Response:
    body = answer.model_dump_json().encode()
    return tagged(body, digest_of(body))
