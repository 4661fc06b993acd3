"""Does the connector keep its secrets to itself?"""

from __future__ import annotations

import uuid

from acme_sdk.connector import DestinationConnector
from acme_sdk.testing.capture import captured
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.registry import check
from acme_sdk.testing.samples import declared_modes, sample_rows
from acme_sdk.testing.secrecy import looks_secret
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_LONG_ENOUGH = 8


@check(
    "secrets.marked",
    "every field that looks like a secret is marked as one",
    hint='add "secret": True to the field, so that it is never shown',
    needs=["config.schema"],
)
def marked(subject: Subject) -> None:
    """A password or key that is not marked would be shown."""
    if not subject.schema:
        raise Skip(f"{subject.kind.__name__} has no config_schema()")
    for field, spec in subject.schema.items():
        if spec["type"] == "string" and looks_secret(field) and not spec.get("secret"):
            raise Problem(f"config_schema(): the field {field!r} is not marked as a secret")


@check(
    "secrets.repr",
    "the connector's repr() holds no secret",
    hint="take the secrets out of __repr__ and __str__",
    needs=["lifecycle.setup"],
)
def representation(subject: Subject) -> None:
    """Whatever is logged or shown in a debugger."""
    with subject.open() as connector:
        for text, what in ((repr(connector), "repr()"), (str(connector), "str()")):
            if field := _found(_values(subject), text):
                raise Problem(f"{what} of the connector holds the secret {field!r}")


@check(
    "secrets.output",
    "a run prints and logs no secret",
    hint="do not print or log the configuration, headers or URLs that hold a key",
    needs=["lifecycle.setup", "extraction.ends", "destination.count"],
)
def output(subject: Subject) -> None:
    """Neither a good run nor one whose secrets the target refuses shows them."""
    with captured(subject.file) as shown:
        _run(subject, subject.config)
    _must_hold_none(_values(subject), shown.text(), "a run")
    canaries = {field: f"canary-{uuid.uuid4().hex}" for field in _replaceable(subject)}
    if not canaries:
        return
    message = ""
    with captured(subject.file) as shown:
        try:
            _run(subject, subject.config | canaries)
        except Exception as error:  # noqa: BLE001 - wrong credentials are meant to fail
            message = f"{error}\n{error!r}"
    _must_hold_none(canaries, shown.text(), "a run with wrong credentials")
    if field := _found(canaries, message):
        raise Problem(f"with wrong credentials, the error that is raised holds the secret {field!r}")


def _run(subject: Subject, config: dict[str, object]) -> None:
    with subject.open(config) as connector:
        if subject.has_health_check:
            connector.health_check()
        if isinstance(connector, DestinationConnector):
            connector.load(sample_rows(1), declared_modes(type(connector))[0])
        else:
            with subject.watching() as seen:
                seen.watch(subject.read(connector))


def _values(subject: Subject) -> dict[str, str]:
    """The secrets that can be told from other text, by field."""
    names = [field for field, spec in subject.schema.items() if spec.get("secret")]
    if not names:
        raise Skip("no field is marked as a secret")
    found = {field: str(value) for field in names if (value := subject.values.get(field)) is not None}
    return {field: value for field, value in found.items() if len(value) >= _LONG_ENOUGH}


def _replaceable(subject: Subject) -> list[str]:
    return [
        field
        for field, spec in subject.schema.items()
        if spec.get("secret") and spec["type"] == "string" and not {"enum", "pattern"} & set(spec)
    ]


def _found(secrets: dict[str, str], text: str) -> str | None:
    return next((field for field, value in secrets.items() if value in text), None)


def _must_hold_none(secrets: dict[str, str], text: str, when: str) -> None:
    if field := _found(secrets, text):
        line = next((line for line in text.splitlines() if secrets[field] in line), "")
        raise Problem(
            f"{when} shows the secret {field!r}: {line.strip().replace(secrets[field], '********')[:200]}"
        )
