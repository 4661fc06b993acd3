"""Does a destination with transactions keep runs apart, and a stream's state?"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import uuid4

from acme_sdk.destination import StagedDestination
from acme_sdk.errors import AcmeError
from acme_sdk.load import LoadPlan, StreamState, WriteMode
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.holder import held_by_a_process
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_STREAM = "orders"
_ASK_EVERY_S = 0.2
# A server may be slow to notice that a client has gone, and a lease takes its time to end.
_PATIENCE_S = 20.0


@check(
    "destination.exclusive",
    "a second run of a stream is refused until the first has ended or was killed",
    hint="hold what ends with the process: a session's lock, `flock`, a lease of some seconds",
    role="destination",
)
def exclusive(subject: Subject) -> None:
    """While one run has a stream, another is refused; other streams, and the next run, are not."""
    _require(subject, "exclusive")
    pipeline = f"acme-test-{uuid4().hex[:12]}"
    with subject.open() as first, subject.open() as second:
        with first.exclusive(pipeline, _STREAM, "first"):
            refusal = _refusal(second, pipeline, _STREAM)
            if refusal is None:
                raise Problem("exclusive() gave a stream to a second run while the first had it")
            if refusal.code != "pipeline.busy":
                raise Problem(f"a second run is refused with the code {refusal.code}, not pipeline.busy")
            if (other := _refusal(second, pipeline, "lines")) is not None:
                raise Problem(f"while a run has one stream, another stream is refused: {other.message}")
        if (late := _refusal(second, pipeline, _STREAM)) is not None:
            raise Problem(f"a run has ended, and its stream is still refused: {late.message}")
        _check_killed(subject, second, pipeline)


@check(
    "destination.state",
    "a checkpoint that replace_state() stores is there, and gone when it removes it",
    hint="store it where `state` looks for it, under pipeline and stream; `None` removes it",
    role="destination",
)
def state(subject: Subject) -> None:
    """Checkpoints without rows: stored, replaced, removed, each stream's apart from others'."""
    _require(subject, "replace_state")
    pipeline = f"acme-test-{uuid4().hex[:12]}"
    states = {stream: _state(pipeline, stream) for stream in (_STREAM, "lines")}
    with subject.open() as first, subject.open() as second:
        if second.state(pipeline, _STREAM) is not None:
            raise Problem("state() returns a checkpoint of a stream that never was loaded")
        try:
            for stored in (_state(pipeline, _STREAM), *states.values()):
                first.replace_state(_plan(first, stored), stored)
            for stream, wanted in states.items():
                if (found := second.state(pipeline, stream)) != wanted:
                    raise Problem(f"replace_state() stored {wanted}, and state() returns {found}")
            second.replace_state(_plan(second, states[_STREAM]), None)
            if first.state(pipeline, _STREAM) is not None:
                raise Problem("replace_state() removed a checkpoint, and state() still returns it")
            if first.state(pipeline, "lines") != states["lines"]:
                raise Problem("replace_state() removed a checkpoint, and that of another stream is gone, too")
        finally:
            for stored in states.values():
                first.replace_state(_plan(first, stored), None)


def _require(subject: Subject, method: str) -> None:
    """Skip what the destination does not claim to do."""
    kind = subject.kind
    if not issubclass(kind, StagedDestination):
        raise Skip(f"{kind.__name__} is no StagedDestination: the engine keeps state and lock in files")
    if getattr(kind, method) is getattr(StagedDestination, method):
        raise Skip(f"{kind.__name__} has no {method}() of its own")


def _refusal(destination: StagedDestination, pipeline: str, stream: str) -> AcmeError | None:
    """Take a stream for a moment; return the error if that is refused."""
    try:
        with destination.exclusive(pipeline, stream, "second"):
            return None
    except AcmeError as error:
        return error


def _check_killed(subject: Subject, destination: StagedDestination, pipeline: str) -> None:
    with held_by_a_process(subject.file, subject.config, pipeline, _STREAM) as process:
        if process is None:
            raise Problem("a process of its own did not get a stream that nobody has")
        if _refusal(destination, pipeline, _STREAM) is None:
            raise Problem("exclusive() gave a stream to a second run while another process had it")
        process.kill()
        process.wait()
    give_up = time.monotonic() + _PATIENCE_S
    while (refusal := _refusal(destination, pipeline, _STREAM)) is not None:
        if time.monotonic() > give_up:
            late = f"{_PATIENCE_S:.0f} s later"
            raise Problem(f"a run was killed, and {late} its stream is still refused: {refusal.message}")
        time.sleep(_ASK_EVERY_S)


def _state(pipeline: str, stream: str) -> StreamState:
    at = datetime(2026, 1, 31, 12, 30, 15, 123456, UTC)
    return StreamState(pipeline, stream, at, "id", "7", run_id=uuid4().hex)


def _plan(destination: StagedDestination, state: StreamState) -> LoadPlan:
    table = destination.default_table or "acme_test"
    return LoadPlan(state.pipeline, state.stream, table, WriteMode.APPEND)
