"""A pytest plugin for CI (``-p tests.no_skips``): a skipped test fails the run."""

from __future__ import annotations

import pytest

__all__ = ["pytest_sessionfinish", "pytest_terminal_summary"]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a passed run with skipped tests into a failed one."""
    if _skipped(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why the run failed."""
    if count := _skipped(terminalreporter.config):
        terminalreporter.write_line(
            f"{count} skipped, and here nothing may be: see the reasons above", red=True
        )


def _skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", ())) if reporter else 0
