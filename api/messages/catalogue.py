"""The problems that the API has, by their codes: with which status, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from api.schemas import Problem, ProblemField

__all__ = ["CATALOGUE", "possible_problems"]

_TYPE = "application/problem+json"

#: By their codes, in the order of their statuses: what a typical document of this code says.
CATALOGUE: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.BAD_REQUEST: {
        "request.malformed": "the body is no JSON",
        "idempotency.invalid": "Idempotency-Key must be 1 to 255 printable ASCII characters",
    },
    HTTPStatus.UNAUTHORIZED: {"auth.required": "send a valid key, as Authorization: Bearer acme_…"},
    HTTPStatus.FORBIDDEN: {
        "auth.scope": "this key has not the scope 'read'",
        "origin.refused": "pages of other sites may not send anything to this server",
    },
    HTTPStatus.NOT_FOUND: {
        "connector.unknown": "there is no connector of this name; GET /api/v1/connectors lists them",
        "connector_type.unknown": "there is no connector type of this name",
        "pipeline.unknown": "there is no pipeline of this name; GET /api/v1/pipelines lists them",
        "run.unknown": "there is no run of this id",
    },
    HTTPStatus.NOT_ACCEPTABLE: {"request.not_acceptable": "the answers are application/json: accept that"},
    HTTPStatus.CONFLICT: {
        "connector.exists": "there is a registered connector 'users_db', which is another one",
        "connector.declared": "the connector 'users_db' is declared in connectors.yaml",
        "connector.in_use": "the connector 'users_db' is used by user-analytics",
        "connector.breaks": "with that, this could not be loaded any more: pipelines.user-analytics: …",
        "connector.unusable": "this connector cannot be used: connectors.users_db.type: …",
        "connector.disabled": "this connector is disabled; enable it first",
        "pipeline.unusable": "this pipeline cannot be used: pipelines.user-analytics: …",
        "egress.refused": "this server may not connect to db.internal",
        "streams.unchecked": "only declared connectors of this type are asked for streams",
        "name.taken": "connectors.users-db: to Dagster this name is the same as 'users_db'",
        "idempotency.at_work": "the first request with this Idempotency-Key is not answered yet",
    },
    HTTPStatus.PRECONDITION_FAILED: {
        "registry.conflict": "the connector 'users_db' was changed meanwhile",
        "version.other": "the document has another entity tag than `If-Match` names",
    },
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {
        "request.too_large": "the request's body is larger than this server takes"
    },
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: {
        "request.not_json": "send the body as JSON, with the header Content-Type: application/json"
    },
    HTTPStatus.MISDIRECTED_REQUEST: {
        "host.unknown": "this server is not known by the name in the Host header; use 127.0.0.1"
    },
    HTTPStatus.UNPROCESSABLE_ENTITY: {
        "request.invalid": "the request does not have the form that this endpoint takes; `errors` says where",
        "config.invalid": "connectors.users_db.config.host: is required, but missing",
        "secret.literal": "connectors.users_db.config.password: a secret stands here in the clear",
        "secret.masked": "connectors.users_db.config.password: ******** only stands where a secret is shown",
        "type.unknown": "connectors.users_db.type: there is no connector type 'postgre'",
        "type.no_role": "connectors.users_db.type: the connector type 'duckdb' is no source",
        "idempotency.reused": "another request was sent with this Idempotency-Key; take a new one for each",
    },
    HTTPStatus.PRECONDITION_REQUIRED: {
        "version.required": "send the entity tag of the version that you saw as If-Match"
    },
    HTTPStatus.TOO_MANY_REQUESTS: {
        "rate.exceeded": "too many requests that read: 120000 in 60 s are allowed",
        "tests.busy": "as many connection tests as this server allows are running; try again later",
    },
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: {
        "request.headers_too_large": "the request's headers are larger than this server takes"
    },
    HTTPStatus.INTERNAL_SERVER_ERROR: {"internal": "this is a fault of the server; its log says where"},
    HTTPStatus.BAD_GATEWAY: {"connect.refused": "db.example.com:5432: the connection was refused"},
    HTTPStatus.SERVICE_UNAVAILABLE: {
        "workspace.invalid": "connectors.yaml: line 3, column 5: …",
        "registry.unavailable": "the registry cannot be used at present",
        "registry.nowhere": "this server has no registry",
        "dagster.unavailable": "Dagster's database cannot be read",
        "dagster.nowhere": "this server knows no Dagster webserver",
        "dagster.unreachable": "Dagster's webserver does not answer",
        "dagster.not_started": "Dagster did not start the job test_users_db",
    },
    HTTPStatus.GATEWAY_TIMEOUT: {"timeout": "db.example.com:5432: no answer in time"},
    HTTPStatus.INSUFFICIENT_STORAGE: {
        "registry.full": "the server has no space left on its disk; nothing was stored",
        "storage.full": "the server has no space left on its disk; nothing was stored",
    },
}
_STATUSES = {code: status for status, codes in CATALOGUE.items() for code in codes}


def possible_problems(*codes: str) -> dict[Any, Any]:
    """Return how OpenAPI describes the problems of these codes: by status, with an example of each."""
    described: dict[Any, Any] = {}
    for code in codes:
        status = _STATUSES[code]
        content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
        response = described.setdefault(status, {"description": status.phrase, "content": {_TYPE: content}})
        response["content"][_TYPE]["examples"][code] = {"value": _example(status, code)}
    return described


def _example(status: HTTPStatus, code: str) -> dict[str, Any]:
    errors = None
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and code != "idempotency.reused":
        errors = [ProblemField(field="config.host", message="is required, but missing")]
    problem = Problem(
        type=f"urn:acme:problem:{code}",
        title=status.phrase,
        status=status,
        detail=CATALOGUE[status][code],
        code=code,
        errors=errors,
    )
    return problem.model_dump(mode="json", exclude_none=True)
