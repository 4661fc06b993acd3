"""From what a check did to a `Result`."""

from __future__ import annotations

import time
from types import FrameType

from acme_sdk.errors import AcmeError, ConfigurationError
from acme_sdk.failures import describe
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.frames import frames_of_error, frames_of_thread
from acme_sdk.testing.reach import Dialled, is_unreachable
from acme_sdk.testing.registry import Check
from acme_sdk.testing.result import Frame, Outcome, Result
from acme_sdk.testing.subject import Subject

__all__ = ["judge", "overdue"]

#: Only here can an error be about the target or the configuration: later both have proved to be good.
_FIRST_CONTACT = frozenset({"lifecycle.setup", "health.answer", "extraction.ends", "destination.count"})


def judge(check: Check, subject: Subject, dialled: Dialled) -> Result:
    """Run a check and say how it ended; only `KeyboardInterrupt` gets out."""
    dialled.forget()
    started = time.perf_counter()
    try:
        check.run(subject)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the author's code raises is the finding
        outcome, message, hint = _finding(check, error, dialled)
        frames = frames_of_error(error, subject.file) if outcome is not Outcome.SKIPPED else ()
    else:
        outcome, message, hint, frames = Outcome.PASSED, "", "", ()
    return _result(check, subject, outcome, time.perf_counter() - started, message, hint, frames)


def overdue(check: Check, subject: Subject, seconds: float, frame: FrameType | None) -> Result:
    """Say that a check did not end in time, and where it is."""
    seen = subject.progress
    if seen is not None and seen.rows:
        message = f"extract() had yielded {seen.rows:,} rows in {seconds:g} s and was not at its end"
        hint = (
            "if the target really has that much, give a longer --timeout; if not, look at where paging stops"
        )
    else:
        message = f"this did not end in {seconds:g} s"
        hint = "give every call that waits a time-out; self.http has one"
    return _result(
        check, subject, Outcome.FAILED, seconds, message, hint, frames_of_thread(frame, subject.file)
    )


def _finding(check: Check, error: BaseException, dialled: Dialled) -> tuple[Outcome, str, str]:
    if isinstance(error, Skip):
        return Outcome.SKIPPED, str(error), ""
    failure = describe(error)
    if check.id in _FIRST_CONTACT and (is_unreachable(error) or dialled.nobody_answers()):
        hint = failure.hint or "check the address in --config, and that the target runs"
        return Outcome.UNREACHABLE, failure.message, hint
    if isinstance(error, Problem):
        return Outcome.FAILED, str(error), check.hint if error.hint is None else error.hint
    if isinstance(error, ConfigurationError) and check.id in _FIRST_CONTACT:
        return Outcome.MISCONFIGURED, failure.message, failure.hint or "correct --config"
    if isinstance(error, AcmeError):
        return Outcome.FAILED, failure.message, failure.hint or check.hint
    return Outcome.FAILED, f"raised {failure.message}", failure.hint or check.hint


def _result(
    check: Check,
    subject: Subject,
    outcome: Outcome,
    seconds: float,
    message: str,
    hint: str,
    frames: tuple[Frame, ...],
) -> Result:
    redact = subject.redactor.redact
    return Result(
        id=check.id,
        title=check.title,
        connector=subject.named,
        outcome=outcome,
        seconds=round(seconds, 4),
        message=redact(message),
        hint=redact(hint),
        frames=tuple(Frame(f.file, f.line, f.function, redact(f.source)) for f in frames),
    )
