"""The section ``alerts`` of ``connectors.yaml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NoReturn

from pydantic import Field, TypeAdapter, ValidationError

from acme_orchestration.alerts.change import Alert, StateChange
from acme_orchestration.alerts.email import EmailAlert
from acme_orchestration.alerts.slack import SlackAlert
from acme_orchestration.alerts.webhook import WebhookAlert
from acme_sdk.errors import ConfigurationError

__all__ = ["BrokenAlert", "alert_of"]

_Declared = TypeAdapter[EmailAlert | SlackAlert | WebhookAlert](
    Annotated[EmailAlert | SlackAlert | WebhookAlert, Field(discriminator="type")]
)


class BrokenAlert:
    """An alert whose entry is wrong; that is said whenever it is to be told something.

    Args:
        fault: What is wrong.
    """

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def __call__(self, changes: Sequence[StateChange]) -> NoReturn:
        """Say what is wrong.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(self.fault, hint="correct the entry, then reload the code location")


def alert_of(name: str, body: Any) -> Alert:
    """Return the alert that stands under a name."""
    try:
        return _Declared.validate_python(body)
    except ValidationError as error:
        return BrokenAlert("; ".join(_sentences(f"alerts.{name}", error)))


def _sentences(where: str, error: ValidationError) -> list[str]:
    """One sentence per wrong field, without the values, which could be secrets."""
    return [
        f"{'.'.join([where, *_path(problem)])}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False, include_input=False)
    ]


def _path(problem: Mapping[str, Any]) -> list[str]:
    """The field, without the type that stands before it in a union."""
    return [str(part) for part in problem["loc"][1:]]
