"""Where connection tests run: worker processes with a deadline, a clean environment, and a limited number."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from acme_sdk.probe import Probe, ProbeResult, run_probes
from acme_sdk.secrets import Redactor
from api.limits import Limits, Places, PlacesTakenError
from api.targets import Target

__all__ = ["Sandbox", "SandboxFullError", "remove_homes"]

# All that a worker needs of this process's environment. No secret of the server, and no PG*, AWS_* or
# GOOGLE_* variable that would complete a connection which the request leaves open.
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")


_MAX_TEXT = 1000


class SandboxFullError(Exception):
    """As many tests as allowed are running, of all or of this caller or target.

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
        limits: How many run at the same time; of one caller, or at one target, half of them.
    """

    def __init__(self, *, timeout: float, limits: Limits) -> None:
        self.timeout = timeout
        self._limits = limits

    @contextmanager
    def slot(self, caller: str) -> Iterator[None]:
        """Take one of the places for the time of a ``with`` block.

        Args:
            caller: Who tests.

        Raises:
            SandboxFullError: None is free, or this caller has half of them already.
        """
        with self._one_of(self._limits.tests, caller):
            yield

    def test(self, target: Target, hostaddr: str | None) -> ProbeResult:
        """Try a connection in a worker process; the caller holds a `slot`.

        Args:
            target: What to connect to.
            hostaddr: The address that was checked, which the connector must use for the target's host.

        Returns:
            The report, with the target's secrets removed.

        Raises:
            SandboxFullError: This target is being tested in half of the places already.
        """
        config = dict(target.config) | ({"hostaddr": hostaddr} if hostaddr else {})
        probe = Probe("connection", target.type, target.role, config, action="test", timeout=self.timeout)
        with (
            self._one_of(self._limits.targets, hostaddr or target.type),
            tempfile.TemporaryDirectory(prefix=_home_prefix(os.getpid())) as home,
        ):
            (result,) = run_probes([probe], env=_environment(home))
        return _redacted(result, Redactor(target.secrets))

    @contextmanager
    def _one_of(self, places: Places, holder: str) -> Iterator[None]:
        try:
            with places.taken(holder):
                yield
        except PlacesTakenError:
            raise SandboxFullError(math.ceil(self.timeout)) from None


def remove_homes(pid: int) -> None:
    """Remove what the tests of a process have left that was killed."""
    for home in Path(tempfile.gettempdir()).glob(f"{_home_prefix(pid)}*"):
        shutil.rmtree(home, ignore_errors=True)


def _home_prefix(pid: int) -> str:
    return f"acme-test-{pid}-"


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
        message=result.report.message and _plain(redactor.redact(result.report.message)),
        hint=result.report.hint and _plain(redactor.redact(result.report.hint)),
    )
    found = {
        name: _plain(value) if isinstance(value, str) else value
        for name, value in redactor.redact_json(result.connection).items()
    }
    return replace(result, report=report, connection=found)


def _plain(text: str) -> str:
    """Return what a server said without control characters, and not all of it if it said much."""
    return "".join(one if one.isprintable() else " " for one in text[:_MAX_TEXT])
