"""The streams of sources: asked in a worker process, and kept for a while."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from acme_sdk.errors import AcmeError
from api.messages.problems import ProblemError
from api.probing.egress import EgressPolicy, EgressRefusedError
from api.schemas import StreamListAnswer
from api.state.workspace import without_folder

if TYPE_CHECKING:
    from acme_orchestration.registry.entries import ConnectorEntry
    from acme_orchestration.registry.workspace import Workspace
    from api.probing.sandbox import Sandbox

__all__ = ["StreamCatalog"]

# Of so many connectors the streams are kept.
_KEPT = 64
# Where it is not the source that is at fault, or it says nothing.
_STATUSES = {
    "config.invalid": HTTPStatus.CONFLICT,
    "timeout": HTTPStatus.GATEWAY_TIMEOUT,
    "connect.timeout": HTTPStatus.GATEWAY_TIMEOUT,
}


@dataclass(frozen=True)
class _Known:
    """What a connector answered, and when by the monotonic clock."""

    entry: ConnectorEntry
    answer: StreamListAnswer
    at: float


class StreamCatalog:
    """The streams of the workspace's sources.

    Args:
        sandbox: Where the sources are asked.
        egress: Where those may lead that were not declared by an operator.
    """

    def __init__(self, sandbox: Sandbox, egress: EgressPolicy) -> None:
        self._sandbox = sandbox
        self._egress = egress
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def streams(
        self, entry: ConnectorEntry, workspace: Workspace, caller: str, max_age_s: float
    ) -> StreamListAnswer:
        """Return the streams of a source.

        Args:
            entry: The source.
            workspace: The workspace that it is in.
            caller: Who asks.
            max_age_s: How old the answer may be, in seconds.

        Raises:
            ProblemError: 429, too many are being asked (code ``tests.busy``); 409, this server must not
                connect there (``egress.refused``, ``streams.unchecked``) or cannot by its configuration
                (``config.invalid``); 504, the source does not answer in time; 502, it fails, with its code.
        """
        known = self._known.get(entry.name)
        if known is not None and known.entry == entry and time.monotonic() - known.at <= max_age_s:
            return known.answer
        with self._sandbox.slot(caller):
            answer = self._ask(entry, workspace)
        with self._lock:
            self._known.pop(entry.name, None)
            self._known[entry.name] = _Known(entry, answer, time.monotonic())
            while len(self._known) > _KEPT:
                del self._known[next(iter(self._known))]
        return answer

    def _ask(self, entry: ConnectorEntry, workspace: Workspace) -> StreamListAnswer:
        is_declared = ("connectors", entry.name) in workspace.places
        hostaddr = None if is_declared else self._address(entry, workspace)
        asked_at = datetime.now(UTC)
        result = self._sandbox.streams(entry, workspace.folder, hostaddr)
        report = result.report
        if report.code is not None:
            raise _failed(workspace, report.code, report.message or "", report.hint)
        return StreamListAnswer.model_validate({"data": result.found["streams"], "as_of": asked_at})

    def _address(self, entry: ConnectorEntry, workspace: Workspace) -> str | None:
        """Return the address that a registered source is to be asked at; ``None`` if a secret says where."""
        if entry.type != "postgres":
            raise ProblemError(
                HTTPStatus.CONFLICT,
                "streams.unchecked",
                "where connectors of this type lead is not known: only declared ones are asked for streams",
            )
        host, port = entry.config.get("hostaddr", entry.config.get("host")), entry.config.get("port", 5432)
        if not isinstance(host, str) or not isinstance(port, int):
            return None
        try:
            return self._egress.resolve(host, port, timeout=self._sandbox.timeout)
        except EgressRefusedError as error:
            raise ProblemError(HTTPStatus.CONFLICT, error.code, error.message, hint=error.hint) from None
        except AcmeError as error:
            raise _failed(workspace, error.code, error.message, error.hint) from None


def _failed(workspace: Workspace, code: str, message: str, hint: str | None) -> ProblemError:
    status = _STATUSES.get(code, HTTPStatus.BAD_GATEWAY)
    folder = workspace.path.parent
    return ProblemError(
        status, code, without_folder(message, folder), hint=hint and without_folder(hint, folder)
    )
