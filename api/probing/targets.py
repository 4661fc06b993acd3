"""What may be tested over HTTP: per connector type, the fields a request may have and where they lead.

These are allowlists. A field that is not here, whatever the connector makes of it, cannot be sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)

from acme_sdk.secrets import is_reference
from api.messages.problems import ProblemError, field_problems
from api.schemas import ProblemField, SslOptions, TestRequest

__all__ = ["TESTABLE_TYPES", "Target", "fields_to_test", "read_target"]

# No NUL and no line breaks: nothing that a protocol could take for the end of a value.
Text = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f]+$")]
# A name or an address: no path, no list, no zone.
Host = Annotated[
    str, StringConstraints(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9_:][A-Za-z0-9._:-]*$")
]


def _no_nul(value: SecretStr) -> SecretStr:
    if "\x00" in value.get_secret_value():
        raise ValueError("must not hold a NUL character")
    return value


Secret = Annotated[SecretStr, Field(max_length=4096), AfterValidator(_no_nul)]


@dataclass(frozen=True)
class Target:
    """A connection that a request describes, its fields checked.

    Attributes:
        type: The connector type.
        role: ``source`` or ``destination``.
        config: The configuration for the connector.
        host: Where it leads; ``None`` for a service whose address is the type's own.
        port: The port of ``host``.
        secrets: What must not come back in an answer.
    """

    type: str
    role: str
    config: Mapping[str, Any] = field(repr=False)
    host: str | None = None
    port: int = 0
    secrets: tuple[str, ...] = field(default=(), repr=False)


class _Fields(BaseModel):
    """The fields of one type."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    roles: ClassVar[tuple[str, ...]] = ("source", "destination")

    @classmethod
    def from_connection(
        cls,
        connection: str,  # noqa: ARG003 - for the types that have one
        ssl: SslOptions | None,  # noqa: ARG003
    ) -> dict[str, Any]:
        """Return the fields that a connection string stands for.

        Raises:
            ProblemError: The type has none, or this is not one.
        """
        raise _invalid("connection", "this type has no connection string; send its fields as `config`")

    def target(self, type_name: str, role: str) -> Target:
        """Return the target that the fields describe."""
        raise NotImplementedError


class _Postgres(_Fields):
    host: Host
    port: int = Field(default=5432, ge=1, le=65535, strict=True)
    database: Text
    user: Text
    password: Secret | None = None
    ssl: SslOptions | None = None

    @classmethod
    def from_connection(cls, connection: str, ssl: SslOptions | None) -> dict[str, Any]:
        # The connector gets the fields read here, never the string: a second parser might see another host.
        try:
            url = urlsplit(connection)
            host, port = url.hostname, url.port
            query = dict(parse_qsl(url.query, strict_parsing=True)) if url.query else {}
        except ValueError:
            raise _invalid("connection", "is no URL: write postgresql://user:pass@host:5432/db") from None
        if url.scheme not in ("postgresql", "postgres"):
            raise _invalid("connection", "must begin with postgresql://")
        if unknown := set(query) - {"sslmode"}:
            raise _invalid(
                "connection", f"the parameter {sorted(unknown)[0]!r} may not be sent; only sslmode may"
            )
        if "sslmode" in query and ssl is not None:
            raise _invalid("connection", "says sslmode, and `ssl` is there, too: send one of them")
        given = {
            "host": host,
            "port": port,
            "database": unquote(url.path.removeprefix("/")),
            "user": unquote(url.username or ""),
            "password": None if url.password is None else unquote(url.password),
            "ssl": {"mode": query["sslmode"]} if "sslmode" in query else ssl and ssl.model_dump(),
        }
        return {name: value for name, value in given.items() if value not in (None, "")}

    def target(self, type_name: str, role: str) -> Target:
        config = self.model_dump(exclude_none=True)
        password = self.password.get_secret_value() if self.password else None
        if password is not None:
            config["password"] = password
        return Target(type_name, role, config, self.host, self.port, (password,) if password else ())


class _ServiceAccount(BaseModel):
    """A key of a Google service account: other kinds of credentials run programs and read files.

    Of its fields only those are passed on that identify the account, so that none leads to another server.
    """

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    type: Literal["service_account"]
    project_id: Text
    private_key_id: Text | None = None
    private_key: Annotated[SecretStr, Field(max_length=16_384)]
    client_email: Text
    token_uri: Literal[
        "https://oauth2.googleapis.com/token",
        "https://accounts.google.com/o/oauth2/token",
        "https://www.googleapis.com/oauth2/v4/token",
    ] = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address


class _BigQuery(_Fields):
    roles: ClassVar[tuple[str, ...]] = ("destination",)

    project: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:_-]{0,127}$")]
    dataset: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,1024}$")]
    location: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = None
    # Required: without a key the connector would use the server's own identity.
    credentials: _ServiceAccount

    @field_validator("credentials", mode="before")
    @classmethod
    def _read_json(cls, value: object) -> object:
        return _ServiceAccount.model_validate_json(value) if isinstance(value, str) else value

    def target(self, type_name: str, role: str) -> Target:
        config = self.model_dump(exclude_none=True)
        private_key = self.credentials.private_key.get_secret_value()
        config["credentials"] = json.dumps(config["credentials"] | {"private_key": private_key})
        return Target(type_name, role, config, secrets=(private_key,))


TESTABLE_TYPES: Mapping[str, type[_Fields]] = {"postgres": _Postgres, "bigquery": _BigQuery}
"""The types that a request may name: those with a network target that is known from their fields."""


def fields_to_test(type_name: str, role: str) -> list[str] | None:
    """Return the fields that a request may send to test a type in a role; ``None`` if it cannot be tested."""
    fields = TESTABLE_TYPES.get(type_name)
    return list(fields.model_fields) if fields is not None and role in fields.roles else None


def read_target(body: TestRequest) -> Target:
    """Check what a request wants to test against the allowlist of its type.

    Raises:
        ProblemError: 422, with what is wrong in which field.
    """
    fields = TESTABLE_TYPES.get(body.type)
    if fields is None:
        raise _invalid("type", f"cannot be tested over HTTP; {' and '.join(TESTABLE_TYPES)} can")
    role = body.role or fields.roles[0]
    if role not in fields.roles:
        raise _invalid("role", f"this type is no {role}")
    prefix = "config."
    if (body.connection is None) == (body.config is None):
        raise _invalid("", "send either `connection` or `config`")
    if body.connection is not None:
        prefix, given = "connection.", fields.from_connection(body.connection, body.ssl)
    elif body.ssl is not None:
        raise _invalid("ssl", "belongs into `config` here")
    else:
        given = body.config or {}
        _refuse_references(given)
    try:
        return fields.model_validate(given).target(body.type, role)
    except ValidationError as error:
        raise _problem(field_problems(error, prefix)) from None


def _refuse_references(config: Mapping[str, Any]) -> None:
    """Say plainly why ``{"env": …}`` is not taken where the server's own configuration has it."""
    for name, value in config.items():
        if is_reference(value):
            raise _invalid(
                f"config.{name}", "references to secrets are the server's own: send the value itself"
            )


def _invalid(name: str, message: str) -> ProblemError:
    return _problem([ProblemField(field=name, message=message)])


def _problem(errors: list[ProblemField]) -> ProblemError:
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "request.invalid",
        "this cannot be tested as it was sent; `errors` says why",
        errors=errors,
    )
