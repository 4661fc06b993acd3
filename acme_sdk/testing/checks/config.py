"""Does the connector ask for its configuration, and take it, as it should?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acme_sdk.config import config_model, validate_config
from acme_sdk.destination import DestinationConnector
from acme_sdk.errors import ConfigurationError
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import RecordingConfig, Subject

__all__: list[str] = []

_WRONG: dict[str, Any] = {
    "string": ["not", "a", "string"],
    "integer": "not an integer",
    "number": "not a number",
    "boolean": "not a boolean",
    "array": "not an array",
    "object": "not an object",
}


@check(
    "config.schema",
    "config_schema() is well-formed",
    hint="each field is a dictionary with a type, and perhaps required, secret, default, description",
)
def schema(subject: Subject) -> None:
    """The schema can be read, and does not contradict itself."""
    found = subject.kind.config_schema()
    if found is None or not isinstance(found, Mapping):
        raise Problem(f"config_schema() returned {type(found).__name__}, not a dictionary")
    if not found:
        raise Skip(f"{subject.kind.__name__} has no config_schema()")
    try:
        config_model(found)
    except ConfigurationError as error:
        raise Problem(error.message, error.hint) from None
    for field, spec in found.items():
        if spec.get("required") and spec.get("default") is not None:
            raise Problem(
                f"config_schema(): field {field!r} is required and has a default, which is then never used",
                "leave out one of the two",
            )


@check(
    "config.required",
    "a missing field is reported as such",
    hint='mark fields that the connector cannot do without as {"required": True}',
    needs=["config.schema", "lifecycle.setup"],
)
def required(subject: Subject) -> None:
    """Each field that may not be missing is named; the connector works without each of the others."""
    for field, spec in _fields(subject).items():
        rest = {name: value for name, value in subject.config.items() if name != field}
        try:
            with subject.open(rest):
                pass
        except ConfigurationError as error:
            if spec.get("required") and field not in error.message:
                raise Problem(
                    f"without {field!r}, the error does not name the field: {error.message}"
                ) from None
            continue
        except (LookupError, TypeError, AttributeError) as error:
            raise Problem(
                f"without {field!r}, which config_schema() does not call required, "
                f"setup() raised {type(error).__name__}: {error}",
                f'mark {field!r} as {{"required": True}}, or read it by config.get({field!r})',
            ) from error
        except Exception:  # noqa: BLE001, S112 - the target may well refuse to work without it
            continue
        if spec.get("required"):
            raise Problem(f"{field!r} is required, but setup() was called without it")


@check(
    "config.type",
    "a value of the wrong type is refused",
    hint="give the field the type that setup() expects",
    needs=["config.schema"],
)
def wrong_type(subject: Subject) -> None:
    """Each field refuses a value of another type and says which field it is."""
    for field, spec in _fields(subject).items():
        _refused(subject, {**subject.config, field: _WRONG[spec["type"]]}, field, "a value of the wrong type")


@check(
    "config.unknown",
    "an unknown field is refused",
    hint="a misspelt field must not be ignored in silence",
    needs=["config.schema"],
)
def unknown(subject: Subject) -> None:
    """A field that the schema does not have is refused by name."""
    _fields(subject)
    _refused(subject, {**subject.config, "no_such_field": 1}, "no_such_field", "an unknown field")


@check(
    "config.defaults",
    "each default is applied",
    hint="read the field out of the configuration, or take it out of config_schema()",
    needs=["config.schema", "extraction.ends"],
)
def defaults(subject: Subject) -> None:
    """A field that has a default and is not given comes with it, and is not ignored."""
    having = {field for field, spec in _fields(subject).items() if spec.get("default") is not None}
    if not having:
        raise Skip("config_schema() has no defaults")
    required_only = {field: value for field, value in subject.config.items() if field not in having}
    config = RecordingConfig(validate_config(subject.schema, required_only), subject.secrets)

    def setup(connector: Any, _: Any) -> None:
        subject.kind.setup(connector, config)

    with subject.open(required_only, setup=setup) as connector:
        if having <= config.read:
            return
        if isinstance(connector, DestinationConnector):
            raise Skip("the fields with a default are not read by setup()")
        with subject.watching() as seen:
            seen.watch(subject.read(connector))
    if ignored := sorted(having - config.read):
        raise Problem(
            f"the field {ignored[0]!r} has a default, but neither setup() nor extract() reads the field"
        )


def _fields(subject: Subject) -> Mapping[str, Mapping[str, Any]]:
    if not subject.schema:
        raise Skip(f"{subject.kind.__name__} has no config_schema()")
    return subject.schema


def _refused(subject: Subject, config: dict[str, Any], field: str, what: str) -> None:
    try:
        validate_config(subject.schema, config)
    except ConfigurationError as error:
        if field in error.message:
            return
        raise Problem(f"{what} in {field!r} is refused without naming the field: {error.message}") from None
    raise Problem(f"{what} in {field!r} is accepted")
