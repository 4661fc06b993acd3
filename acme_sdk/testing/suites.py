"""The harness for pytest: a class to derive from, one test per check.

>>> from acme.sdk.testing import SourceConnectorTests
>>> class TestMySource(SourceConnectorTests):
...     connector_class = MySource
...     config = {"api_url": "http://localhost:8080", "api_key": "test"}

Either can be a fixture of that name instead, for a configuration with the address of a server that the test
starts.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from acme_sdk.testing.registry import Check, all_checks, select
from acme_sdk.testing.result import Outcome, Result
from acme_sdk.testing.runner import Job, Refused, run

__all__ = ["DestinationConnectorTests", "SourceConnectorTests"]


class _ConnectorTests:
    """What both have in common.

    Attributes:
        skip: Ids of checks, or their nouns, to leave out.
        timeout: Seconds for one check.
        seed: What decides where chance does.
    """

    role: ClassVar[str]
    skip: ClassVar[tuple[str, ...]] = ()
    timeout: ClassVar[float] = 30.0
    seed: ClassVar[int] = 0

    #: What the checks of this class came to, filled by the first test that asks.
    _results: ClassVar[dict[str, Result]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._results = {}

    @pytest.fixture(name="connector_class")
    def _connector_class(self) -> type:
        """The class to test; override it, or set the attribute ``connector_class``."""
        found: type = _given(type(self), "connector_class")
        return found

    @pytest.fixture(name="config")
    def _config(self) -> Mapping[str, Any]:
        """The configuration to test with; override it, or set the attribute ``config``."""
        found: Mapping[str, Any] = _given(type(self), "config")
        return found

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make one test of each check."""
        if "check_id" in metafunc.fixturenames:
            chosen = [check.id for check in select(skip=self.skip) if self.role in check.roles]
            metafunc.parametrize("check_id", chosen)

    def test_connector(
        self,
        check_id: str,
        connector_class: type,
        config: Mapping[str, Any],
        request: pytest.FixtureRequest,
    ) -> None:
        """One check; its message, hint and the lines of the connector are what a failure shows."""
        __tracebackhide__ = True
        if not self._results:
            self._results.update(self._run(connector_class, config, _chosen(request)))
        result = self._results[check_id]
        if result.outcome is Outcome.SKIPPED:
            pytest.skip(result.message)
        if result.outcome is not Outcome.PASSED:
            pytest.fail(_described(result), pytrace=False)

    def _run(self, connector_class: type, config: Mapping[str, Any], chosen: set[str]) -> dict[str, Result]:
        only = _with_needs(chosen)
        file = Path(inspect.getfile(connector_class))
        job = Job(file, config, tuple(sorted(only)), self.skip, self.role, self.timeout, self.seed)
        results = {}
        for event in run(job):
            if isinstance(event, Refused):
                pytest.fail(f"{event.message}\nhint: {event.hint}", pytrace=False)
            if isinstance(event, Result):
                results[event.id] = event
        return results


class SourceConnectorTests(_ConnectorTests):
    """The checks of a source; see `acme_sdk.testing.suites`."""

    role = "source"


class DestinationConnectorTests(_ConnectorTests):
    """The checks of a destination, which is written to; see `acme_sdk.testing.suites`."""

    role = "destination"


def _given(tests: type, name: str) -> Any:
    if not hasattr(tests, name):
        pytest.fail(f"{tests.__name__} says nowhere what to test: give it {name!r}", pytrace=False)
    return getattr(tests, name)


def _chosen(request: pytest.FixtureRequest) -> set[str]:
    """The checks of this class that this run of pytest is about."""
    return {
        str(item.callspec.params["check_id"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.cls is request.cls and hasattr(item, "callspec")
    }


def _with_needs(chosen: set[str]) -> set[str]:
    """Add the checks that others build on, so that one that cannot pass is skipped."""
    known: dict[str, Check] = {check.id: check for check in all_checks()}
    found, waiting = set(), list(chosen)
    while waiting:
        if (check_id := waiting.pop()) not in found:
            found.add(check_id)
            waiting += known[check_id].needs
    return found


def _described(result: Result) -> str:
    lines = [f"{result.id}: {result.title}", result.message]
    for frame in result.frames:
        lines += [f"  {frame.file}:{frame.line} in {frame.function}", f"    {frame.source}"]
    return "\n".join([*lines, *([f"hint: {result.hint}"] if result.hint else [])])
