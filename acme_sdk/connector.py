"""What sources and destinations have in common: the part of the contract that both share.

A connector's author writes a source (`acme_sdk.source`) or a destination (`acme_sdk.destination`). The engine
calls ``setup`` once, then the work, then ``teardown`` exactly once, whatever happened in between.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from acme_sdk.errors import AcmeError, SkippableError
from acme_sdk.health import ConnectionReport, HealthReport, HealthStatus, check_health

if TYPE_CHECKING:
    from acme_sdk.config import ConnectorConfig
    from acme_sdk.http import HttpSession
    from acme_sdk.steps import Steps

__all__ = ["Connector"]


class Connector(ABC):
    """What sources and destinations have in common."""

    #: ``source`` or ``destination``.
    role: ClassVar[str]
    #: What people call the type, e.g. ``Postgres``; by default what the class's name begins with.
    title: ClassVar[str] = ""
    #: Where its documentation is.
    docs_url: ClassVar[str | None] = None

    _http: HttpSession | None = None
    #: Notes what `step` says; set by who checks the connector.
    _steps: Steps | None = None
    #: What keeps the records that `reject` puts aside; set by who runs the connector.
    _on_reject: Callable[[Mapping[str, Any], str], None] | None = None

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Return the configuration's fields; see `acme_sdk.config`. None by default: any field is taken."""
        return {}

    @property
    def http(self) -> HttpSession:
        """An HTTP session with time-outs, retries and ``Retry-After``; closed after ``teardown``."""
        # Most connectors to databases never ask for it.
        from acme_sdk.http import HttpSession
        from acme_sdk.http.dialling import say_steps

        if self._http is None:
            self._http = HttpSession()
            if self._steps is not None:
                say_steps(self._http, self._steps.begin)
        return self._http

    def step(self, name: str) -> None:
        """Say what is done from here on, so that a check can tell what takes long, and what fails.

        Steps that most have are ``resolve``, ``connect``, ``tls``, ``authenticate`` and ``query``.
        ``self.http`` says its own.
        """
        if self._steps is not None:
            self._steps.begin(name)

    def setup(self, config: ConnectorConfig) -> None:  # noqa: B027 - optional for authors
        """Get ready to work. Called once, before anything else."""

    def health_check(self) -> bool | HealthReport:
        """Tell whether the other side is reachable and lets us work."""
        raise NotImplementedError

    def test_connection(self) -> ConnectionReport:
        """Report what is on the other side: server version, database, number of tables.

        By default a passed ``health_check`` is all that can be said.

        Raises:
            AcmeError: The health check failed.
        """
        report = check_health(self)
        if report.status is HealthStatus.UNHEALTHY:
            raise AcmeError(report.message or "health check failed", code=report.code, hint=report.hint)
        return ConnectionReport(server_version=report.server_version, latency_ms=report.latency_ms)

    def reject(self, row: Mapping[str, Any], reason: str) -> None:
        """Put a record aside that cannot be read properly, instead of failing or dropping it in silence.

        It is kept in the dead-letter file with the reason, counted and shown; too many stop the sync.

        Args:
            row: What there is of the record.
            reason: What is wrong with it, for people.

        Raises:
            SkippableError: Nobody is there to keep it: the connector is not run by the sync engine.
        """
        if self._on_reject is None:
            raise SkippableError(f"a record was rejected: {reason}", code="row.rejected")
        self._on_reject(row, reason)

    def teardown(self) -> None:  # noqa: B027 - optional for authors
        """Give back what ``setup`` took. Called exactly once, also after a failure."""
