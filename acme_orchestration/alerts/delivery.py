"""Telling several alerts side by side, none of which can hold up the others or a sensor's tick."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

from acme_orchestration.alerts.change import Alert, StateChange
from acme_sdk.errors import AcmeError, RetriableError
from acme_sdk.failures import describe

__all__ = ["Delivery"]

_DEADLINE_S = 10.0


class Delivery:
    """Tells alerts, each in a thread; one that is still busy with the last message gets no other.

    Args:
        alerts: By name.
    """

    def __init__(self, alerts: Mapping[str, Alert]) -> None:
        self._alerts = alerts
        self._busy: dict[str, threading.Thread] = {}

    def tell(self, messages: Mapping[str, Sequence[StateChange]]) -> dict[str, AcmeError | None]:
        """Tell each alert its changes and return what went wrong, by name; ``None`` if nothing did."""
        outcomes: dict[str, AcmeError | None] = {}
        for name, changes in messages.items():
            if name not in self._busy:
                self._busy[name] = threading.Thread(
                    target=self._tell, args=(name, changes, outcomes), daemon=True
                )
                self._busy[name].start()
        deadline = time.monotonic() + _DEADLINE_S
        for name in messages:
            self._busy[name].join(max(0.0, deadline - time.monotonic()))
        self._busy = {name: thread for name, thread in self._busy.items() if thread.is_alive()}
        return {name: outcomes.get(name, _late(name)) for name in messages}

    def _tell(self, name: str, changes: Sequence[StateChange], outcomes: dict[str, AcmeError | None]) -> None:
        try:
            self._alerts[name](changes)
        except Exception as error:  # noqa: BLE001 - a hook may raise anything
            failure = describe(error)
            outcomes[name] = RetriableError(failure.message, code=failure.code, hint=failure.hint)
        else:
            outcomes[name] = None


def _late(name: str) -> AcmeError:
    return RetriableError(f"{name} did not end in {_DEADLINE_S:g} s", code="alert.timeout")
