"""Where connectors are asked: worker processes with a deadline, and a limited number of them."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from acme_sdk.probe import Probe, ProbeResult, run_probes
from acme_sdk.secrets import Redactor
from api.messages.problems import ProblemError
from api.probing.targets import Target
from api.quotas.limits import Limits, Places, PlacesTakenError

if TYPE_CHECKING:
    from acme_orchestration.registry.entries import ConnectorEntry

__all__ = ["Sandbox", "remove_homes"]

# All that a worker needs of this process's environment. No secret of the server, and no PG*, AWS_* or
# GOOGLE_* variable that would complete a connection which the request leaves open.
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
_MAX_TEXT = 1000


class Sandbox:
    """Asks connectors in worker processes, a few at a time.

    Args:
        timeout: Seconds that one answer may take, from when its connector is imported.
        limits: How many are asked at the same time; of one caller, or at one target, half of them.
    """

    def __init__(self, *, timeout: float, limits: Limits) -> None:
        self.timeout = timeout
        self._limits = limits

    @contextmanager
    def slot(self, caller: str) -> Iterator[None]:
        """Take one of the places for the time of a ``with`` block.

        Args:
            caller: Who asks.

        Raises:
            ProblemError: 429, none is free, or this caller has half of them (``tests.busy``).
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
            ProblemError: 429, this target is being tested in half of the places (``tests.busy``), or was too
                often (``rate.exceeded``).
        """
        config = dict(target.config) | ({"hostaddr": hostaddr} if hostaddr else {})
        probe = Probe("connection", target.type, target.role, config, action="test", timeout=self.timeout)
        with self._at(hostaddr or target.type, target.port), _clean_environment() as env:
            (result,) = run_probes([probe], env=env)
        return _redacted(result, Redactor(target.secrets))

    def streams(self, entry: ConnectorEntry, folder: Path, hostaddr: str | None) -> ProbeResult:
        """Ask a source of the workspace for its streams, in a worker process; the caller holds a `slot`.

        Its secrets are resolved in that process, which has this server's environment.

        Args:
            entry: The source.
            folder: The connectors folder.
            hostaddr: The address that was checked, which the connector must use for its host.

        Raises:
            ProblemError: 429, this target is being asked in half of the places (``tests.busy``), or was too
                often (``rate.exceeded``).
        """
        config = dict(entry.config) | ({"hostaddr": hostaddr} if hostaddr else {})
        probe = Probe(
            entry.name,
            entry.type,
            entry.role,
            config,
            action="streams",
            folder=str(folder),
            timeout=self.timeout,
        )
        with self._at(hostaddr or entry.name):
            (result,) = run_probes([probe])
        return _redacted(result, Redactor(()))

    def describe(self, types: Sequence[str], folder: Path) -> list[ProbeResult]:
        """Ask connector types what they are, in one worker process; the caller holds a `slot`.

        Args:
            types: Their names.
            folder: The connectors folder.
        """
        probes = [
            Probe(name, name, action="describe", folder=str(folder), timeout=self.timeout) for name in types
        ]
        with _clean_environment() as env:
            return list(run_probes(probes, env=env))

    @contextmanager
    def _at(self, target: str, port: int = 0) -> Iterator[None]:
        """Take one of the places for a target, which has a rate and gets half of them at most."""
        if self._limits.rates is not None:
            self._limits.rates.count("target", f"{target} {port}")
        with self._one_of(self._limits.targets, target):
            yield

    @contextmanager
    def _one_of(self, places: Places, holder: str) -> Iterator[None]:
        try:
            with places.taken(holder):
                yield
        except PlacesTakenError:
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "tests.busy",
                "as many connectors as this server allows are being asked; try again later",
                headers={"Retry-After": str(math.ceil(self.timeout))},
            ) from None


def remove_homes(pid: int) -> None:
    """Remove what the tests of a process have left that was killed."""
    for home in Path(tempfile.gettempdir()).glob(f"{_home_prefix(pid)}*"):
        shutil.rmtree(home, ignore_errors=True)


def _home_prefix(pid: int) -> str:
    return f"acme-test-{pid}-"


@contextmanager
def _clean_environment() -> Iterator[Mapping[str, str]]:
    """The whole environment of a worker that must not have anything of the server's.

    An empty home directory has no ``.pgpass``, no ``.postgresql`` and no cloud credentials in it.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with tempfile.TemporaryDirectory(prefix=_home_prefix(os.getpid())) as home:
        # Nothing is imported from the directory in which the server runs, and no cloud identity is sought.
        yield kept | {"HOME": home, "PYTHONSAFEPATH": "1", "NO_GCE_CHECK": "true"}


def _redacted(result: ProbeResult, redactor: Redactor) -> ProbeResult:
    report = replace(
        result.report,
        message=result.report.message and _plain(redactor.redact(result.report.message)),
        hint=result.report.hint and _plain(redactor.redact(result.report.hint)),
    )
    found = {
        name: _plain(value) if isinstance(value, str) else value
        for name, value in redactor.redact_json(result.found).items()
    }
    return replace(result, report=report, found=found)


def _plain(text: str) -> str:
    """Return what a server said without control characters, and not all of it if it said much."""
    return "".join(one if one.isprintable() else " " for one in text[:_MAX_TEXT])
