"""Where connection tests run: worker processes with a deadline, a clean environment, and a limited number."""

from __future__ import annotations

import math
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from acme_sdk.probe import Probe, ProbeResult, run_probes
from acme_sdk.secrets import Redactor
from api.targets import Target

__all__ = ["Sandbox", "SandboxFullError"]

# All that a worker needs of this process's environment. No secret of the server, and no PG*, AWS_* or
# GOOGLE_* variable that would complete a connection which the request leaves open.
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")


class SandboxFullError(Exception):
    """As many tests as allowed are running.

    Attributes:
        retry_after: Whole seconds after which a place is likely to be free.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"all places are taken; try again in {retry_after} s")
        self.retry_after = retry_after


class Sandbox:
    """Runs connection tests, a few at a time.

    Args:
        timeout: Seconds that one test may take, from when its connector is imported.
        slots: How many run at the same time.
    """

    def __init__(self, *, timeout: float = 10.0, slots: int = 4) -> None:
        self.timeout = timeout
        self._slots = threading.BoundedSemaphore(slots)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Take one of the places for the time of a ``with`` block.

        Raises:
            SandboxFullError: None is free.
        """
        if not self._slots.acquire(blocking=False):
            raise SandboxFullError(math.ceil(self.timeout))
        try:
            yield
        finally:
            self._slots.release()

    def test(self, target: Target, hostaddr: str | None) -> ProbeResult:
        """Try a connection in a worker process; the caller holds a `slot`.

        Args:
            target: What to connect to.
            hostaddr: The address that was checked, which the connector must use for the target's host.

        Returns:
            The report, with the target's secrets removed.
        """
        config = dict(target.config) | ({"hostaddr": hostaddr} if hostaddr else {})
        probe = Probe("connection", target.type, target.role, config, action="test", timeout=self.timeout)
        with tempfile.TemporaryDirectory(prefix="acme-test-") as home:
            (result,) = run_probes([probe], env=_environment(home))
        return _redacted(result, Redactor(target.secrets))


def _environment(home: str) -> Mapping[str, str]:
    """The worker's whole environment.

    An empty home directory has no ``.pgpass``, no ``.postgresql`` and no cloud credentials in it.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # Nothing is imported from the directory in which the server runs, and no cloud identity is sought.
    return kept | {"HOME": home, "PYTHONSAFEPATH": "1", "NO_GCE_CHECK": "true"}


def _redacted(result: ProbeResult, redactor: Redactor) -> ProbeResult:
    report = replace(
        result.report,
        message=result.report.message and redactor.redact(result.report.message),
        hint=result.report.hint and redactor.redact(result.report.hint),
    )
    return replace(result, report=report, connection=redactor.redact_json(result.connection))
