"""Is the connector set up and torn down properly, whatever happens in between?"""

from __future__ import annotations

import gc
import threading
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import ExitStack, suppress
from typing import Any

from acme_sdk.destination import DestinationConnector
from acme_sdk.http import HttpSession
from acme_sdk.testing import holdings
from acme_sdk.testing.attempts import hurried
from acme_sdk.testing.faults import OUT_OF_ORDER, FaultServer
from acme_sdk.testing.findings import Problem
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_CLOSING_S = 3.0


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
        _begin(subject, connector)


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
    needs=[
        "lifecycle.setup",
        "health.answer",
        "extraction.ends",
        "destination.count",
        "lifecycle.abandoned",
    ],
)
def leaks(subject: Subject) -> None:
    """No thread, process, socket, open or temporary file is left of a run, whichever way it ended."""
    _must_leave_nothing(lambda: _work(subject, _use), "")
    if not issubclass(subject.kind, DestinationConnector):
        _must_leave_nothing(lambda: _work(subject, _begin), " of an extraction that was not read to its end")
    _must_leave_nothing(lambda: _fail_to_set_up(subject), " of a setup() that failed")


@check(
    "lifecycle.once",
    "teardown() is left to the engine, which calls it once",
    hint="do not call self.teardown(): the engine does, whatever happened",
    needs=["extraction.ends", "destination.count", "lifecycle.failed"],
)
def once(subject: Subject) -> None:
    """After a success and after a failure, there was one call."""
    calls = 0

    def teardown(connector: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            subject.kind.teardown(connector)

    with subject.open(teardown=teardown) as connector:
        subject.use(connector)
    if calls != 1:
        raise Problem(f"in a run without failure, teardown() was called {calls} times")
    calls = 0
    with suppress(_EngineFailure), subject.open(teardown=teardown) as connector:
        if not isinstance(connector, DestinationConnector):
            _begin(subject, connector)
        raise _EngineFailure
    if calls != 1:
        raise Problem(f"in a run that failed, teardown() was called {calls} times")


@check(
    "lifecycle.interrupted",
    "an interrupt ends the extraction",
    hint="catch Exception, or better the errors that you expect, and never all by a bare except",
    role="source",
    needs=["lifecycle.abandoned", "extraction.repeatable"],
)
def interrupted(subject: Subject) -> None:
    """An interrupt at a yield, or at the last request, comes out of the extraction."""
    with suppress(KeyboardInterrupt), subject.open() as connector:
        for stream in subject.streams(connector):
            rows = subject.items(connector, stream)
            if not isinstance(rows, Generator) or next(rows, None) is None:
                continue
            try:
                rows.throw(KeyboardInterrupt())
            except (KeyboardInterrupt, StopIteration) as end:
                if isinstance(end, KeyboardInterrupt):
                    continue
                raise Problem("an interrupt at a yield was taken for the end of the data") from None
            raise Problem("after an interrupt at a yield, extract() went on as if nothing had happened")
    if subject.exchanges:
        _interrupt_request(subject, len(subject.exchanges))


@check(
    "lifecycle.instances",
    "two instances do not get into each other's way",
    hint="keep what setup() is given in self, not in the class or the module",
    needs=["lifecycle.setup", "extraction.repeatable", "destination.count"],
)
def instances(subject: Subject) -> None:
    """A second one, with another configuration, comes and goes; the first works as before."""
    other = {**subject.config, **_other_values(subject)}
    with hurried(), subject.open() as connector:
        # What is refused in setup() was still set up by then.
        with suppress(Exception), subject.open(other):
            pass
        with ExitStack() as beside:
            with suppress(Exception):
                beside.enter_context(subject.open(other))
            rows = subject.use(connector)
    if rows is not None and rows != subject.baseline.rows:
        raise Problem(
            f"with a second instance beside it, an extraction gave {rows:,} rows, "
            f"not {subject.baseline.rows:,}"
        )


@check(
    "lifecycle.process",
    "the process is left as it was",
    hint="hand a setting to what needs it instead: other connectors, and Dagster, run in the same process",
    needs=["lifecycle.setup", "health.answer", "extraction.ends", "destination.count"],
)
def process(subject: Subject) -> None:
    """Working directory, environment, signals, locale, root logger, default time-out are nobody's own."""
    subject.run()
    for changed in subject.settings.changed:
        raise Problem(f"{changed.place}, changes {changed.setting}, for everybody in the process")


def _other_values(subject: Subject) -> dict[str, str]:
    """Return other secrets and addresses, which nobody answers to."""
    other: dict[str, str] = {}
    for field, spec in subject.schema.items():
        given = subject.config.get(field)
        if spec["type"] != "string" or {"enum", "pattern"} & set(spec):
            continue
        if spec.get("secret"):
            other[field] = f"other-{uuid.uuid4().hex}"
        elif isinstance(given, str) and given.startswith(("http://", "https://")):
            other[field] = "http://127.0.0.1:9"
    return other


def _interrupt_request(subject: Subject, number: int) -> None:
    """Interrupt while an answer is waited for, as Ctrl-C does."""
    session = HttpSession()
    answered = 0
    hit = False

    def interrupt(*_: Any, **__: Any) -> None:
        nonlocal answered, hit
        answered += 1
        # Python interrupts the main thread only.
        if answered == number and threading.current_thread() is threading.main_thread():
            hit = True
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt), subject.open(http=session) as connector, subject.watching() as seen:
        session.hooks["response"].append(interrupt)
        seen.watch(subject.read(connector))
        if hit:
            raise Problem("an interrupt during a request was caught, and the extraction went on")


def _begin(subject: Subject, connector: Any) -> None:
    """Take one row, then stop."""
    rows = subject.read(connector)
    next(rows, None)
    rows.close()  # type: ignore[attr-defined]  # read() is a generator


def _must_leave_nothing(work: Callable[[], Any], what: str) -> None:
    """Raise if a run leaves behind what was not there before it; it returns the connector."""
    work()  # libraries may keep what they open once per process
    gc.collect()
    before = holdings.take()
    connector = work()
    gc.collect()
    until = time.monotonic() + _CLOSING_S
    while (left := holdings.take() - before) and time.monotonic() < until:
        time.sleep(0.05)
    if left:
        shown = ", ".join(sorted(left)[:5])
        raise Problem(f"after teardown(){what}, {type(connector).__name__} leaves behind: {shown}")


def _use(subject: Subject, connector: Any) -> None:
    if subject.has_health_check:
        connector.health_check()
    subject.use(connector)


def _fail_to_set_up(subject: Subject) -> Any:
    """Set up while the target is out of order, and return the connector."""
    connectors: list[Any] = []

    def set_up(connector: Any, config: Any) -> None:
        connectors.append(connector)
        subject.kind.setup(connector, config)

    with FaultServer(OUT_OF_ORDER) as server, hurried(), suppress(Exception):
        server.arm()
        other = {**subject.config, **_other_values(subject)}
        with subject.open(other, http=server.session(), setup=set_up):
            pass
    return connectors[0] if connectors else None


def _work(subject: Subject, use: Callable[[Subject, Any], object]) -> Any:
    """Do a run and return the connector: what it still refers to is not collected."""
    with subject.open() as connector:
        use(subject, connector)
    return connector


class _EngineFailure(Exception):  # noqa: N818 - a stand-in for any
    pass
