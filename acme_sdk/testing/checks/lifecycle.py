"""Is the connector set up and torn down properly, whatever happens in between?"""

from __future__ import annotations

import gc
import time
from contextlib import suppress
from typing import Any

from acme_sdk.connector import DestinationConnector
from acme_sdk.testing import holdings
from acme_sdk.testing.findings import Problem
from acme_sdk.testing.registry import check
from acme_sdk.testing.samples import declared_modes, sample_rows
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_CLOSING_S = 1.0


@check(
    "lifecycle.setup",
    "setup() and teardown() work with this configuration",
    hint="setup() gets the validated configuration; teardown() must not need more than setup()",
    needs=["config.schema"],
)
def setup(subject: Subject) -> None:
    """Set up, tear down."""
    with subject.open():
        pass


@check(
    "lifecycle.abandoned",
    "teardown() works after an abandoned extraction",
    hint="teardown() must cope with whatever state the connector is in",
    role="source",
    needs=["extraction.ends"],
)
def abandoned(subject: Subject) -> None:
    """Take one row, then stop."""
    with subject.open() as connector:
        rows = subject.read(connector)
        next(rows, None)
        rows.close()  # type: ignore[attr-defined]  # read() is a generator


@check(
    "lifecycle.failed",
    "teardown() works after a failure",
    hint="teardown() must not build on what a failed extraction did not get done",
    needs=["extraction.ends", "lifecycle.setup"],
)
def failed(subject: Subject) -> None:
    """Let the engine fail while the connector works; an error of teardown() would hide the first one."""
    torn_down: list[BaseException | None] = []

    def teardown(connector: Any) -> None:
        try:
            subject.kind.teardown(connector)
        except Exception as error:
            torn_down.append(error)
            raise
        torn_down.append(None)

    with suppress(_EngineFailure), subject.open(teardown=teardown) as connector:
        if not isinstance(connector, DestinationConnector):
            next(subject.read(connector), None)
        raise _EngineFailure
    if (error := torn_down[0]) is not None:
        raise Problem(f"after a failure, teardown() raised {type(error).__name__}: {error}") from error


@check(
    "lifecycle.leaks",
    "teardown() leaves nothing behind",
    hint="close in teardown() what setup() opened and join the threads that were started",
    needs=["lifecycle.setup", "extraction.ends", "destination.count"],
)
def leaks(subject: Subject) -> None:
    """No thread, process, socket or open file is left of a run that was not there before it."""
    _work(subject)  # libraries may keep what they open once per process
    gc.collect()
    before = holdings.take()
    connector = _work(subject)
    gc.collect()
    until = time.monotonic() + _CLOSING_S
    while (left := holdings.take() - before) and time.monotonic() < until:
        time.sleep(0.05)
    if left:
        shown = ", ".join(sorted(left)[:5])
        raise Problem(f"after teardown(), {type(connector).__name__} leaves behind: {shown}")


def _work(subject: Subject) -> Any:
    """Do a whole run and return the connector: what it still refers to is not collected."""
    with subject.open() as connector:
        if isinstance(connector, DestinationConnector):
            connector.load(sample_rows(1), declared_modes(type(connector))[0])
        else:
            with subject.watching() as seen:
                seen.watch(subject.read(connector))
    return connector


class _EngineFailure(Exception):  # noqa: N818 - a stand-in for any
    pass
