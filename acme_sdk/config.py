"""Configuration: what a connector asks for, and what it gets.

``config_schema()`` is a mapping of field names to field specifications. A specification has

``type``
    ``string``, ``integer``, ``number``, ``boolean``, ``array`` or ``object``.
``required``
    Whether the field must be given; ``False`` by default.
``secret``
    Whether the value must never be shown.
``default``
    The value of a field that is not given.
``description``, ``examples``
    For documentation.
``enum``, ``minimum``, ``maximum``, ``pattern``
    What a value must satisfy, as in JSON Schema.
``properties``
    For ``object``: the specifications of its fields.

It becomes one pydantic model, from which validation, JSON Schema and documentation all come.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, NoReturn

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
    create_model,
)

from acme_sdk.errors import ConfigurationError, FieldProblem
from acme_sdk.secrets import Redactor, is_reference
from acme_sdk.secrets.fields import resolve, secret_values

__all__ = ["ConnectorConfig", "config_model", "validate_config", "written_problems"]

Schema = Mapping[str, Mapping[str, Any]]

_TYPES: dict[str, Any] = {
    "string": StrictStr,
    "integer": StrictInt,
    "number": Annotated[StrictFloat, Field(allow_inf_nan=False)],
    "boolean": StrictBool,
    "array": list[Any],
    "object": dict[str, Any],
}
_KEYS = {
    "type", "required", "secret", "default", "description", "examples",
    "enum", "minimum", "maximum", "pattern", "properties",
}  # fmt: skip


class ConnectorConfig(Mapping[str, Any]):
    """The validated configuration that ``setup()`` is given: read-only, with defaults filled in.

    Reads like a dictionary (``config["api_url"]``, ``config.get("page_size", 100)``). Its ``repr`` masks
    secrets, and it refuses to be pickled, since a pickle would hold them in the clear.

    Args:
        values: Field names to values.
        secrets: The values that must never be shown.
    """

    def __init__(self, values: Mapping[str, Any], secrets: tuple[str, ...] = ()) -> None:
        self._values = dict(values)
        self._redactor = Redactor(secrets)

    def __getitem__(self, field: str) -> Any:
        return self._values[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def redact(self, text: str) -> str:
        """Return the text with this configuration's secrets replaced by ``********``."""
        return self._redactor.redact(text)

    @property
    def redactor(self) -> Redactor:
        """What removes this configuration's secrets from text and JSON."""
        return self._redactor

    def __repr__(self) -> str:
        return f"ConnectorConfig({self._redactor.redact_json(self._values)!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a ConnectorConfig may hold secrets and is not pickled: pass references instead")


def config_model(schema: Schema, name: str = "Config") -> type[BaseModel]:
    """Build the pydantic model of a ``config_schema()``.

    Args:
        schema: See the module's description.
        name: The model's name, shown in JSON Schema.

    Raises:
        ConfigurationError: The schema itself is wrong (code ``config.schema``).
    """
    fields: dict[str, Any] = {}
    for field, spec in schema.items():
        _check_spec(field, spec)
        kind = _kind(field, spec)
        annotation = _annotation(kind, spec)
        default = ... if spec.get("required") else _default(field, spec, kind, annotation)
        fields[field] = (annotation, default)
    with warnings.catch_warnings():
        # Pydantic warns of a field such as "schema", which hides a method of its models; nothing calls it.
        warnings.filterwarnings("ignore", message="Field name .* shadows an attribute", category=UserWarning)
        # Without any field the schema says nothing, so that any field is taken.
        extra: Literal["forbid", "allow"] = "forbid" if fields else "allow"
        return create_model(name, __config__=ConfigDict(extra=extra), **fields)


def validate_config(
    schema: Schema | None, raw: Mapping[str, Any], *, connector: str = "connector"
) -> ConnectorConfig:
    """Resolve references, check every field and fill in defaults.

    Args:
        schema: What ``config_schema()`` returned; ``None`` or an empty mapping takes any field.
        raw: The configuration as written, references included.
        connector: The connector's name, for the error.

    Raises:
        ConfigurationError: Names each wrong field; never shows a value.
        SecretError: A reference cannot be resolved.
    """
    if not isinstance(raw, Mapping):
        raise ConfigurationError(
            f"{connector}: the configuration must be an object, not {type(raw).__name__}",
            hint='write it like {"field": "value"}',
        )
    resolved, secrets = resolve(schema or {}, raw)
    if not schema:
        return ConnectorConfig(resolved, tuple(secrets))
    model = config_model(schema)
    try:
        values = model.model_validate(resolved).model_dump()
    except ValidationError as error:
        problems = tuple(
            _problem(schema, item) for item in error.errors(include_url=False, include_input=False)
        )
        raise ConfigurationError(
            f"{connector}: "
            + "; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in problems),
            problems=problems,
            hint="correct the fields named, or leave out those that have a default",
        ) from None
    secrets += secret_values(schema, values)
    return ConnectorConfig({k: v for k, v in values.items() if v is not None or k in raw}, tuple(secrets))


def written_problems(
    schema: Schema, model: type[BaseModel], raw: Mapping[str, Any]
) -> tuple[FieldProblem, ...]:
    """Return what is wrong with a configuration as it is written, whatever its references stand for.

    Args:
        schema: What ``config_schema()`` returned; an empty mapping takes any field.
        model: What `config_model` made of it, once for many configurations.
        raw: The configuration, references unresolved.
    """
    try:
        model.model_validate(dict(raw))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return tuple(_problem(schema, item) for item in found if not _is_in_reference(raw, item["loc"]))
    return ()


def _is_in_reference(raw: Any, path: tuple[int | str, ...]) -> bool:
    for part in path:
        if is_reference(raw):
            return True
        if not isinstance(raw, Mapping) or part not in raw:
            return False
        raw = raw[part]
    return is_reference(raw)


def _check_spec(field: str, spec: Mapping[str, Any]) -> None:
    if not isinstance(spec, Mapping) or spec.get("type") not in _TYPES:
        given = spec.get("type") if isinstance(spec, Mapping) else spec
        raise ConfigurationError(
            f"config_schema(): field {field!r} has the type {given!r}",
            code="config.schema",
            hint=f"use one of {', '.join(_TYPES)}",
        )
    if unknown := set(spec) - _KEYS:
        raise ConfigurationError(
            f"config_schema(): field {field!r} has the unknown key {sorted(unknown)[0]!r}",
            code="config.schema",
            hint=f"use {', '.join(sorted(_KEYS))}",
        )


def _kind(field: str, spec: Mapping[str, Any]) -> Any:
    if "enum" in spec:
        return Literal[tuple(spec["enum"])]
    if spec["type"] == "object" and "properties" in spec:
        return config_model(spec["properties"], field.title())
    return _TYPES[spec["type"]]


def _annotation(kind: Any, spec: Mapping[str, Any]) -> Any:
    # A required text that is empty is a variable that was never filled in.
    text = spec["type"] == "string" and "enum" not in spec
    constraints = Field(
        description=spec.get("description"),
        examples=spec.get("examples"),
        ge=spec.get("minimum"),
        le=spec.get("maximum"),
        pattern=spec.get("pattern") if text else None,
        min_length=1 if text and spec.get("required") else None,
        json_schema_extra={"writeOnly": True, "format": "password"} if spec.get("secret") else None,
    )
    return Annotated[kind if spec.get("required") else kind | None, constraints]


def _default(field: str, spec: Mapping[str, Any], kind: Any, annotation: Any) -> Any:
    default = spec.get("default")
    if default is not None:
        try:
            TypeAdapter(annotation).validate_python(default)
        except ValidationError:
            raise ConfigurationError(
                f"config_schema(): the default of field {field!r} is not a valid {spec['type']}",
                code="config.schema",
            ) from None
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        return Field(default_factory=kind)
    return default


_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def _problem(schema: Schema, error: Any) -> FieldProblem:
    path = [str(part) for part in error["loc"]]
    field = ".".join(path)
    match error["type"]:
        case "missing":
            message = "is required, but missing"
        case "extra_forbidden":
            known = list(schema if len(path) == 1 else schema[path[0]].get("properties", {}))
            close = get_close_matches(path[-1], known, n=1)
            message = "is not a field of this connector" + (
                f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(known)}"
            )
        case "string_too_short":
            message = "must not be empty"
        case kind if kind in _EXPECTED:
            message = f"must be {_EXPECTED[kind]}"
        case _:
            message = str(error["msg"])
    return FieldProblem(field, message)
