"""What the ways to tell somebody have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from acme_orchestration.alerts.change import StateChange
from acme_sdk.failures import without_secrets
from acme_sdk.health import HealthStatus
from acme_sdk.secrets import Redactor, is_reference
from acme_sdk.secrets.reference import SecretResolver

__all__ = ["SEND_TIMEOUT_S", "Channel", "SecretReference"]

#: How long a server may take to connect or to answer.
SEND_TIMEOUT_S = 5.0


def _reference(value: Any) -> Any:
    if not is_reference(value):
        raise ValueError("a secret stands here in the clear; write a reference instead, e.g. {env: VARIABLE}")
    return value


def _told(states: tuple[HealthStatus, ...]) -> tuple[HealthStatus, ...]:
    if HealthStatus.DISABLED in states:
        raise ValueError("a connector that is disabled is not told")
    return states


SecretReference = Annotated[dict[str, Any], BeforeValidator(_reference)]


class Channel(BaseModel):
    """A way to tell somebody about changes of state; calling it does.

    Attributes:
        connectors: The connectors it is for, by public name; all by default.
        states: The states whose beginning is told; all by default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    connectors: tuple[str, ...] | None = None
    states: Annotated[tuple[HealthStatus, ...], AfterValidator(_told)] = (
        HealthStatus.HEALTHY,
        HealthStatus.DEGRADED,
        HealthStatus.UNHEALTHY,
        HealthStatus.UNKNOWN,
    )

    def __call__(self, changes: Sequence[StateChange]) -> None:
        """Tell those changes that are for this channel.

        Raises:
            AcmeError: It could not; no secret is in the error.
        """
        concerned = [change for change in changes if self._concerns(change)]
        if not concerned:
            return
        with SecretResolver() as resolver:
            secrets = {
                field: resolver.resolve(field, reference)
                for field, reference in self._references().items()
                if reference is not None
            }
        redactor = Redactor(secrets.values())
        try:
            self._send(concerned, secrets)
        except Exception as error:  # noqa: BLE001 - whatever a library raises may hold the secret
            raise without_secrets(error, redactor) from None

    @abstractmethod
    def _references(self) -> dict[str, dict[str, Any] | None]:
        """Return the references of the secrets that sending needs, by field."""

    @abstractmethod
    def _send(self, changes: Sequence[StateChange], secrets: dict[str, str]) -> None:
        """Send one message about all changes.

        Args:
            changes: At least one.
            secrets: What the references stand for, by field.
        """

    def _concerns(self, change: StateChange) -> bool:
        return change.after in self.states and (
            self.connectors is None or change.connector in self.connectors
        )
