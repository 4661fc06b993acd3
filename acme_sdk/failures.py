"""From any exception to a failure that people and programs can read: code, message, hint."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from acme_sdk.errors import AcmeError
from acme_sdk.secrets.redaction import Redactor

__all__ = ["Failure", "describe", "without_secrets"]


@dataclass(frozen=True)
class Failure:
    """What went wrong.

    Attributes:
        code: Stable and dotted, e.g. ``auth.failed``.
        message: One sentence, without secrets.
        hint: What to do, where that is known.
    """

    code: str
    message: str
    hint: str | None = None


def describe(error: BaseException) -> Failure:
    """Return the failure that an exception stands for.

    Errors of ours describe themselves; errors of the network get the stable code of their kind; anything
    else is ``internal`` with the name of its class.
    """
    if isinstance(error, AcmeError):
        return Failure(error.code, error.message, error.hint)
    for kinds, code, hint in _KINDS:
        if isinstance(error, kinds):
            return Failure(code, f"{type(error).__name__}: {error}", hint)
    return Failure("internal", f"{type(error).__name__}: {error}".rstrip(": "))


def without_secrets(error: Exception, redactor: Redactor) -> AcmeError:
    """Return an error of ours that says what an exception says, to be raised ``from None``.

    Args:
        error: What a connector raised.
        redactor: Knows the connector's secrets.
    """
    failure = describe(error)
    hint = redactor.redact(failure.hint) if failure.hint else None
    return AcmeError(redactor.redact(failure.message), code=failure.code, hint=hint)


# From the most particular to the most general: the first match counts.
_KINDS: tuple[tuple[tuple[type[BaseException], ...], str, str], ...] = (
    ((ssl.SSLCertVerificationError,), "tls.untrusted", "check the certificate authority and the host name"),
    ((ssl.SSLError,), "tls.failed", "check that the server speaks TLS on this port"),
    ((socket.gaierror,), "dns.not_found", "check the host name"),
    ((ConnectionRefusedError,), "connect.refused", "check that the server runs and listens on this port"),
    ((TimeoutError,), "timeout", "check that the server answers and that no firewall drops the packets"),
    ((ConnectionError,), "connect.lost", "the other side closed the connection; look into its log"),
    ((PermissionError,), "permission.denied", "check the rights of the user this runs as"),
)
