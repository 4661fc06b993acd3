"""Exceptions, ordered by what the engine should do when it meets one.

Every error has a stable ``code`` for programs, a message for people and, where one is known, a ``hint``
that says what to do. No error carries a secret: whoever raises one builds the message from redacted parts.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AcmeError",
    "ConfigurationError",
    "FatalError",
    "FieldProblem",
    "RetriableError",
    "SecretError",
    "SkippableError",
]


class AcmeError(Exception):
    """Base of all errors of this project.

    Args:
        message: What is wrong and where, in a sentence.
        code: A stable dotted code such as ``connect.refused``; the class's own by default.
        hint: What the reader can do about it.

    Attributes:
        batch: The number, in its load, of the batch that this is about, if that is not the one at hand:
            a load may write behind (`acme_sdk.write_behind`).
    """

    default_code = "internal"
    batch: int | None = None

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint


@dataclass(frozen=True)
class FieldProblem:
    """One thing wrong with one configuration field.

    Attributes:
        field: Dotted path of the field, e.g. ``ssl.mode``; empty for the configuration as a whole.
        message: What is wrong with it, without its value where it may be a secret.
    """

    field: str
    message: str


class ConfigurationError(AcmeError):
    """The configuration is wrong: trying again cannot help, changing it can.

    Args:
        message: The sentence for people; it names every field that is wrong.
        problems: The same, one entry per field.
        code: See `AcmeError`.
        hint: See `AcmeError`.
    """

    default_code = "config.invalid"

    def __init__(
        self,
        message: str,
        *,
        problems: tuple[FieldProblem, ...] = (),
        code: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.problems = problems


class SecretError(ConfigurationError):
    """A reference to a secret could not be resolved."""

    default_code = "secret.missing"


class FatalError(AcmeError):
    """The run cannot go on and a retry would fail in the same way."""

    default_code = "fatal"


class RetriableError(AcmeError):
    """The same call may go well later: a time-out, a lost connection, 429 or 5xx."""

    default_code = "retriable"


class SkippableError(AcmeError):
    """One row or stream is bad; the rest can go on."""

    default_code = "skippable"
