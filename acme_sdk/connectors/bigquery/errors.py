"""What BigQuery, its client and the network report, as errors of ours with stable codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager

import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from acme_sdk.errors import AcmeError, FatalError, RetriableError

__all__ = ["MOVED", "bigquery_errors", "is_conflict", "reason_of"]

#: What a publishing script fails with when another load stored a checkpoint meanwhile.
MOVED = "acme: the checkpoint has moved"

_LONGEST_MESSAGE = 500
_QUOTA_REASONS = frozenset({"quotaExceeded", "rateLimitExceeded", "jobRateLimitExceeded"})


@contextmanager
def bigquery_errors(where: str) -> Iterator[None]:
    """Raise what goes wrong as an error of ours.

    Args:
        where: What was being asked of what, for the message, e.g. ``dataset analytics``.

    Raises:
        RetriableError: The same call may go well later.
        FatalError: It would fail in the same way.
    """
    try:
        yield
    except (
        api.GoogleAPIError,
        auth.GoogleAuthError,
        requests.RequestException,
        OSError,
        FutureTimeout,
    ) as error:
        raise _readable(where, error) from None


def is_conflict(error: BaseException) -> bool:
    """Tell whether a transaction was cancelled because another one changed a table of its own."""
    return isinstance(error, api.GoogleAPICallError) and "concurrent update" in str(error.message)


def reason_of(error: BaseException) -> str:
    """Return BigQuery's reason, such as ``rateLimitExceeded``; empty when it gives none."""
    details = getattr(error, "errors", None) or [{}]
    return str(details[0].get("reason", "")) if isinstance(details[0], dict) else ""


def _readable(where: str, error: BaseException) -> AcmeError:
    if isinstance(error, api.RetryError):
        return _readable(where, error.cause) if error.cause is not None else _timeout(where)
    if isinstance(error, api.GoogleAPICallError):
        return _from_api(where, error)
    if isinstance(error, auth.GoogleAuthError) and not isinstance(error, auth.TransportError):
        return FatalError(
            f"{where}: Google does not accept the credentials",
            code="auth.failed",
            hint="is the key deleted, the account disabled, or this machine's clock wrong?",
        )
    return _from_network(where, error)


def _from_api(where: str, error: api.GoogleAPICallError) -> AcmeError:
    said = f"{where}: {_message(error)}"
    reason = reason_of(error)
    if isinstance(error, api.GatewayTimeout):
        return _timeout(where)
    if isinstance(error, api.TooManyRequests) or reason in _QUOTA_REASONS:
        return RetriableError(said, code="quota", hint="wait, or ask for a higher quota in Google Cloud")
    if is_conflict(error) or MOVED in said:
        return RetriableError(
            f"{where}: another load of the same table or stream came in between; nothing was changed",
            code="conflict",
            hint="run it again; let one run at a time load a stream",
        )
    if isinstance(error, api.Unauthorized):
        return FatalError(said, code="auth.failed", hint="check the credentials")
    if isinstance(error, api.Forbidden):
        return FatalError(
            said,
            code="permission.denied",
            hint="grant roles/bigquery.jobUser on the project and roles/bigquery.dataEditor on the dataset",
        )
    if isinstance(error, api.NotFound):
        return _missing(said)
    if isinstance(error, api.ServerError):
        return RetriableError(said, code="server.failed", hint="see https://status.cloud.google.com")
    return FatalError(said, code="query.failed", hint="see BigQuery's message")


def _missing(said: str) -> FatalError:
    if re.search(r"not found: table", said, re.IGNORECASE):
        return FatalError(said, code="table.missing", hint="was it dropped or renamed meanwhile?")
    return FatalError(
        said, code="database.missing", hint="check project, dataset and location; create the dataset"
    )


def _message(error: api.GoogleAPICallError) -> str:
    """BigQuery's own sentence, without the request's address and the job's number."""
    details = error.errors[0] if error.errors else {}
    text = str(details.get("message") or error.message) if isinstance(details, dict) else str(error.message)
    line = text.strip().partition("\n")[0]
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}…"


def _from_network(where: str, error: BaseException) -> AcmeError:
    text = str(error)
    if isinstance(error, (requests.Timeout, TimeoutError, FutureTimeout)) or "timed out" in text:
        return _timeout(where)
    if isinstance(error, requests.TooManyRedirects):
        return FatalError(
            f"{where}: the endpoint sends us elsewhere",
            code="connect.redirected",
            hint="set api_endpoint to the address that answers itself",
        )
    if isinstance(error, requests.exceptions.SSLError) or "SSLError" in text:
        return RetriableError(
            f"{where}: no trusted TLS connection", code="tls.failed", hint="check the certificate"
        )
    if "NameResolutionError" in text or "Failed to resolve" in text:
        return RetriableError(f"{where}: unknown host", code="dns.not_found", hint="check the host name")
    if isinstance(error, ConnectionRefusedError) or "Connection refused" in text:
        return RetriableError(
            f"{where}: connection refused",
            code="connect.refused",
            hint="check that the server runs and listens on this port",
        )
    return RetriableError(f"{where}: the connection was lost", code="connect.lost")


def _timeout(where: str) -> RetriableError:
    return RetriableError(
        f"{where}: no answer in time",
        code="timeout",
        hint="check that the endpoint answers and that no firewall drops the packets",
    )
