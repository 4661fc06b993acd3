"""Does the connector keep its secrets to itself?"""

from __future__ import annotations

import traceback
import uuid

from acme_sdk.connector import Connector
from acme_sdk.health import check_health
from acme_sdk.position import Checkpoint, Position
from acme_sdk.testing.attempts import hurried
from acme_sdk.testing.capture import captured
from acme_sdk.testing.faults import Answer, Fault, FaultServer, Manner, unchanged
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.registry import check
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
    needs=["extraction.ends", "destination.count", "health.answer", "health.refused", "http.unauthorized"],
)
def output(subject: Subject) -> None:
    """Neither a good run nor one whose secrets the target refuses shows them."""
    with captured(subject.file) as shown:
        subject.run()
    _must_hold_none(_values(subject), shown.text(), "a run")
    canaries = {field: f"canary-{uuid.uuid4().hex}" for field in _replaceable(subject)}
    if not canaries:
        return
    message = ""
    with captured(subject.file) as shown:
        try:
            subject.run(subject.config | canaries)
        except Exception as error:  # noqa: BLE001 - wrong credentials are meant to fail
            message = f"{error}\n{error!r}"
    _must_hold_none(canaries, shown.text(), "a run with wrong credentials")
    if field := _found(canaries, message):
        raise Problem(f"with wrong credentials, the error that is raised holds the secret {field!r}")


@check(
    "secrets.error",
    "no error holds a secret",
    hint="leave URLs with keys, headers and the configuration out of messages; hide a cause by `from None`",
    needs=[
        "secrets.output",
        "http.server_error",
        "http.disconnect",
        "http.content_type",
        "http.load_refused",
    ],
)
def error(subject: Subject) -> None:
    """The target fails, refuses, breaks off or says nonsense; tracebacks are looked at, too."""
    secrets = _values(subject)
    for what, fault in _FAULTS.items():
        with captured(subject.file) as shown, FaultServer(fault) as server, hurried():
            text = ""
            try:
                with subject.open(http=server.session()) as connector:
                    server.arm()
                    subject.use(connector)
            except Exception as error:  # noqa: BLE001 - it is meant to fail
                text = "".join(traceback.format_exception(error)) + repr(error)
        if not server.requests:
            raise Skip(f"{subject.kind.__name__} does not use self.http")
        if field := _found(secrets, text):
            raise Problem(f"{what}, and the error that is raised holds the secret {field!r}")
        _must_hold_none(secrets, shown.text(), f"a run in which {what}")


@check(
    "secrets.report",
    "no report holds a secret",
    hint="keep the configuration out of messages and details of a HealthReport and a ConnectionReport",
    needs=["health.answer", "lifecycle.setup"],
)
def report(subject: Subject) -> None:
    """Reports are kept and shown by the engine; of a good target and of one that refuses."""
    secrets = _values(subject)
    if not subject.has_health_check and subject.kind.test_connection is Connector.test_connection:
        raise Skip(f"{subject.kind.__name__} makes no reports of its own")
    for fault in (Fault(None, times=0), *_FAULTS.values()):
        with FaultServer(fault) as server, hurried(), subject.open(http=server.session()) as connector:
            server.arm()
            _must_hold_none(secrets, repr(check_health(connector)), "the report of health_check()")
            try:
                found = repr(connector.test_connection())
            except Exception as error:  # noqa: BLE001 - it becomes a report
                found = f"{error} {error!r} {getattr(error, 'hint', '')}"
            _must_hold_none(secrets, found, "the report of test_connection()")


@check(
    "secrets.rows",
    "no row and no checkpoint holds a secret",
    hint="take the key out of addresses and parameters before they become data or state",
    role="source",
    needs=["extraction.rows"],
)
def rows(subject: Subject) -> None:
    """What goes to the destination, and into the engine's state."""
    secrets = _values(subject)
    with subject.open() as connector:
        for stream in subject.streams(connector):
            for number, item in enumerate(subject.read_stream(connector, stream, Position()), 1):
                if field := _found(secrets, repr(item)):
                    what = "a checkpoint" if isinstance(item, Checkpoint) else f"row {number}"
                    raise Problem(f"stream {stream.name!r}: {what} holds the secret {field!r}")


_FAULTS = {
    "the target answered 500": Fault(Answer(500, {"Content-Type": "application/json"}, b"{}")),
    "the target answered 401": Fault(Answer(401, {"Content-Type": "application/json"}, b"{}")),
    "the target answered with HTML": Fault(Answer(200, {"Content-Type": "text/html"}, b"<html></html>")),
    "the connection was lost": Fault(None, manner=Manner.BROKEN_OFF, spoil=unchanged),
}


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
