"""Registered connectors: made, changed and deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Response, request
from flask_openapi.models.tag import Tag

from acme_orchestration.registry.entries import ConnectorEntry, dagster_name
from acme_orchestration.registry.errors import ConflictError, EntryUnknownError, RegistryUnavailableError
from acme_sdk.errors import AcmeError, ConfigurationError, FieldProblem
from api.access import audit
from api.access.auth import caller
from api.access.idempotency import idempotent
from api.messages.catalogue import possible_problems
from api.messages.problems import ProblemError
from api.probing.places import place_problems
from api.routes.connectors import connectors
from api.schemas import (
    ConnectorConfigurationAnswer,
    ConnectorDraft,
    ConnectorPatch,
    ConnectorPath,
    ProblemField,
)
from api.services import registrar, registry, services
from api.state.configuration import configuration
from api.state.patch import merged, patch_problems

if TYPE_CHECKING:
    from acme_orchestration.registry.records import Record

# The blueprint of the list: the description of a path comes from one of them alone.
__all__ = ["connectors"]

# Which field an error of the registry is about, where it does not say so itself.
_FIELDS = {"name": "name", "type": "type"}

# What may be wrong with a configuration, and with what a change is based on.
_UNFIT = ("config.invalid", "secret.literal", "secret.masked", "type.unknown", "type.no_role")
_VERSIONED = (
    "connector.unknown", "connector.declared", "registry.conflict", "version.required", "registry.nowhere",
    "workspace.invalid",
)  # fmt: skip

_TAGS: list[Tag | dict[str, Any]] = [
    Tag(name="registration", description="Connectors registered beside the declared ones.")
]


@connectors.post(
    "",
    tags=_TAGS,
    operation_id="registerConnector",
    description="The same one once more is no error: the answer is then 200. With `Idempotency-Key`, it "
    "gets the same answer for 24 hours.",
    responses={200: ConnectorConfigurationAnswer, 201: ConnectorConfigurationAnswer}
    | possible_problems(*_UNFIT, "connector.exists", "connector.declared", "name.taken", "workspace.invalid"),
)
@idempotent
def register_connector(body: ConnectorDraft) -> Response:
    """Register a connector."""
    fields = body.model_dump(mode="json", exclude={"name"}, exclude_unset=True)
    with _explaining("register", body.name):
        _refuse(place_problems(body.type, body.config, services().egress))
        known = {record.name for record in registry().contents().connectors}
        record = registrar().register("connector", body.name, fields, actor=caller().name)
    response = _answer(record, HTTPStatus.OK if record.name in known else HTTPStatus.CREATED)
    response.headers["Location"] = f"{request.script_root}/api/v1/connectors/{quote(record.name)}"
    return response


@connectors.patch(
    "/<name>",
    tags=_TAGS,
    operation_id="changeConnector",
    description="Takes `If-Match` with the entity tag of the version that the change is based on.",
    responses={200: ConnectorConfigurationAnswer}
    | possible_problems(*_VERSIONED, *_UNFIT, "connector.breaks"),
)
def change_connector(path: ConnectorPath, body: ConnectorPatch) -> Response:
    """Change a registered connector."""
    patch = body.model_dump(mode="json", exclude_unset=True)
    _require_name(path.name)
    with _explaining("change", path.name):
        old = _seen(path.name)
        _refuse(patch_problems(old.body.get("config", {}), patch.get("config", {})))
        config = merged(old.body.get("config", {}), patch.pop("config", {}))
        if config != old.body.get("config", {}):
            _refuse(place_problems(old.body["type"], config, services().egress))
        fields = {**merged(old.body, patch), "config": config}
        record = registrar().change("connector", path.name, fields, version=old.version, actor=caller().name)
    return _answer(record, HTTPStatus.OK)


@connectors.delete(
    "/<name>",
    tags=_TAGS,
    operation_id="deleteConnector",
    description="Takes `If-Match` with the entity tag of the version that is to be deleted.",
    responses={204: None} | possible_problems(*_VERSIONED, "connector.in_use"),
)
def delete_connector(path: ConnectorPath) -> Response:
    """Delete a registered connector."""
    _require_name(path.name)
    with _explaining("delete", path.name):
        old = _seen(path.name)
        registrar().delete("connector", path.name, version=old.version, actor=caller().name)
    return Response(status=HTTPStatus.NO_CONTENT)


def _require_name(name: str) -> None:
    """Answer that there is none, if nothing can have this name."""
    try:
        dagster_name(name)
    except ConfigurationError:
        raise ProblemError(
            HTTPStatus.NOT_FOUND, "connector.unknown", "there is no registered connector of this name"
        ) from None


def _seen(name: str) -> Record:
    """Return the record, if it is the one that the caller saw."""
    wanted = request.headers.get("If-Match")
    if wanted is None:
        raise ProblemError(
            HTTPStatus.PRECONDITION_REQUIRED,
            "version.required",
            "send the entity tag of the version that you saw as If-Match",
        )
    record = registrar().get("connector", name)
    if wanted.strip() != "*" and _tag(record) not in re.findall(r'(?<!W/)"[^"]*"', wanted):
        raise ConflictError(
            f"the connector {name!r} was changed meanwhile", hint="look at it again, then decide"
        )
    return record


def _tag(record: Record) -> str:
    return f'"v{record.version}"'


def _answer(record: Record, status: HTTPStatus) -> Response:
    entry = record.entry
    assert isinstance(entry, ConnectorEntry)  # noqa: S101 - no other kind is registered here
    answer = ConnectorConfigurationAnswer(data=configuration(entry, record))
    response = Response(answer.model_dump_json(), status=status, content_type="application/json")
    response.headers["ETag"] = _tag(record)
    return response


@contextmanager
def _explaining(action: str, name: str) -> Iterator[None]:
    """Turn what the registry refuses into a problem, and add it to the audit trail."""
    try:
        yield
    except RegistryUnavailableError:
        raise  # there is no trail to add it to
    except AcmeError as error:
        problem = _problem(error)
    except ProblemError as error:
        problem = error
    else:
        services().workspace.note_change()
        return
    audit.record(f"refused {action}", "connector", name, {"result": problem.code})
    raise problem


def _problem(error: AcmeError) -> ProblemError:
    if error.code == "registry.conflict":
        status = HTTPStatus.PRECONDITION_FAILED
    elif isinstance(error, ConflictError):
        status = HTTPStatus.CONFLICT
    elif isinstance(error, EntryUnknownError):
        status = HTTPStatus.NOT_FOUND
    else:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return ProblemError(
        status,
        error.code,
        services().workspace.without_folder(error.message),
        hint=error.hint,
        errors=_fields(error) if status == HTTPStatus.UNPROCESSABLE_ENTITY else (),
    )


def _fields(error: AcmeError) -> list[ProblemField]:
    if isinstance(error, ConfigurationError) and error.problems:
        return _in_config(error.problems)
    field = _FIELDS.get(error.code.partition(".")[0], "")
    return [ProblemField(field=field, message=services().workspace.without_folder(error.message))]


def _in_config(problems: Sequence[FieldProblem]) -> list[ProblemField]:
    return [ProblemField(field=f"config.{p.field}".rstrip("."), message=p.message) for p in problems]


def _refuse(problems: Sequence[FieldProblem]) -> None:
    if problems:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "request.invalid",
            "this cannot be registered as it was sent; `errors` says why",
            errors=_in_config(problems),
        )
