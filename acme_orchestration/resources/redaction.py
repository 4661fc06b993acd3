"""Errors on their way into Dagster's event log, which keeps their text as it stands."""

from __future__ import annotations

import traceback

from acme_sdk.errors import AcmeError
from acme_sdk.failures import describe
from acme_sdk.secrets import Redactor

__all__ = ["redacted"]


def redacted(error: Exception, redactor: Redactor) -> Exception:
    """Return the error itself if no secret is in it or in what caused it, or else one that says the same.

    Args:
        error: What a connector raised; a substitute is to be raised ``from None``.
        redactor: Knows the connector's secrets.
    """
    text = "".join(traceback.format_exception(error))
    if redactor.redact(text) == text:
        return error
    failure = describe(error)
    hint = redactor.redact(failure.hint) if failure.hint else None
    substitute = AcmeError(redactor.redact(failure.message), code=failure.code, hint=hint)
    return substitute.with_traceback(error.__traceback__)
