"""Errors on their way into Dagster's event log, which keeps their text as it stands."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ContextDecorator, contextmanager
from inspect import ismethod
from types import GeneratorType
from typing import Any, TypeVar, cast

from acme_sdk.failures import without_secrets
from acme_sdk.secrets import Redactor

__all__ = ["guarded", "redacted", "redacting"]

T = TypeVar("T")


def redacted(error: Exception, redactor: Redactor) -> Exception:
    """Return the error itself if no secret is in it or in what caused it, or else one that says the same.

    Args:
        error: What a connector raised; a substitute is to be raised ``from None``.
        redactor: Knows the connector's secrets.
    """
    text = "".join(traceback.format_exception(error))
    if redactor.redact(text) == text:
        return error
    return without_secrets(error, redactor).with_traceback(error.__traceback__)


@contextmanager
def redacting(redactor: Redactor) -> Iterator[None]:
    """Remove secrets from errors that leave a ``with`` block."""
    try:
        yield
    except Exception as error:
        substitute = redacted(error, redactor)
        if substitute is error:
            raise
        raise substitute from None


def guarded(target: T, redactor: Redactor) -> T:
    """Return an object that does as another one does, but whose methods raise no error with a secret in it.

    That goes for what methods do when they are called, for what they yield, and for ``with`` blocks of those
    that are context managers.

    Args:
        target: The object.
        redactor: Knows the secrets.
    """
    return cast(T, _Guarded(target, redactor))


class _Guarded:
    """To ``isinstance`` it is what it stands for."""

    def __init__(self, target: object, redactor: Redactor) -> None:
        object.__setattr__(self, "_guarded", (target, redactor))

    @property  # type: ignore[misc] # mypy wants a class here
    def __class__(self) -> type:
        return type(object.__getattribute__(self, "_guarded")[0])

    def __getattr__(self, name: str) -> Any:
        target, redactor = object.__getattribute__(self, "_guarded")
        with redacting(redactor):
            value = getattr(target, name)
        return _guarded_method(value, redactor) if ismethod(value) else value

    def __setattr__(self, name: str, value: object) -> None:
        setattr(object.__getattribute__(self, "_guarded")[0], name, value)

    def __repr__(self) -> str:
        target, redactor = object.__getattribute__(self, "_guarded")
        return str(redactor.redact(repr(target)))


def _guarded_method(method: Callable[..., Any], redactor: Redactor) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with redacting(redactor):
            result = method(*args, **kwargs)
        if isinstance(result, GeneratorType):
            return _guarded_generator(result, redactor)
        # What contextlib makes of a generator; a connection that can be entered stays what it is.
        if isinstance(result, ContextDecorator) and isinstance(result, AbstractContextManager):
            return _guarded_context(result, redactor)
        return result

    return call


def _guarded_generator(values: Generator[T, Any, Any], redactor: Redactor) -> Generator[T, Any, Any]:
    with redacting(redactor):
        return (yield from values)


@contextmanager
def _guarded_context(context: AbstractContextManager[T], redactor: Redactor) -> Iterator[T]:
    with redacting(redactor), context as value:
        yield value
