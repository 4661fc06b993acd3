"""Who we are to BigQuery: a service account, the environment's own identity, or nobody at all."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import google.auth
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError
from google.oauth2 import service_account

from acme_sdk.errors import ConfigurationError, FatalError

__all__ = ["check_endpoint", "credentials_for"]

_SCOPES = ("https://www.googleapis.com/auth/bigquery",)
_GOOGLE = "googleapis.com"
_TOKEN_URIS = frozenset(
    {
        "https://oauth2.googleapis.com/token",
        "https://accounts.google.com/o/oauth2/token",
        "https://www.googleapis.com/oauth2/v4/token",
    }
)


def check_endpoint(endpoint: str | None, has_credentials: bool) -> None:
    """Refuse an ``api_endpoint`` that is no address, or to which a token would travel in the clear.

    Raises:
        ConfigurationError: See above.
    """
    if endpoint is None:
        return
    try:
        parts = urlsplit(endpoint)
        bad = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:
        bad = True
    if bad or parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(
            "api_endpoint: is not the address of a server",
            hint="write it like https://host or https://host:port",
        )
    if has_credentials and parts.scheme != "https":
        raise ConfigurationError(
            "api_endpoint: credentials are not sent over plain HTTP",
            hint="use https, or leave out the credentials for an emulator",
        )


def credentials_for(text: str | None, endpoint: str | None) -> Credentials:
    """Return the credentials to use.

    Without a service account these are Application Default Credentials, but only towards Google: another
    endpoint could keep the token, and gets none.

    Args:
        text: JSON text of a service account's key, or ``None``.
        endpoint: The ``api_endpoint``, already checked, or ``None``.

    Raises:
        ConfigurationError: The text is no key of a service account (nothing of it is shown).
        FatalError: The environment has no default credentials (code ``auth.failed``).
    """
    if text is not None:
        return _service_account(text)
    if endpoint is not None and not _is_google(endpoint):
        return AnonymousCredentials()  # type: ignore[no-untyped-call]  # without hints in google-auth
    try:
        return google.auth.default(scopes=_SCOPES)[0]
    except DefaultCredentialsError:
        raise FatalError(
            "there are no credentials, and the environment has no Application Default Credentials",
            code="auth.failed",
            hint='give the key of a service account: credentials: {"env": "…"}',
        ) from None


def _is_google(endpoint: str) -> bool:
    host = (urlsplit(endpoint).hostname or "").rstrip(".")
    return urlsplit(endpoint).scheme == "https" and (host == _GOOGLE or host.endswith(f".{_GOOGLE}"))


def _service_account(text: str) -> Credentials:
    info = _read(text)
    # Other types make the client read local files, run programs or ask other servers for tokens.
    if info.get("type") != "service_account":
        raise _refused("its type must be service_account")
    if info.get("token_uri") not in _TOKEN_URIS:
        raise _refused("its token_uri must be https://oauth2.googleapis.com/token")
    if info.get("universe_domain", _GOOGLE) != _GOOGLE:
        raise _refused(f"its universe_domain must be {_GOOGLE}")
    try:
        made: Credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            info, scopes=_SCOPES
        )  # the library has no hints for it
    except (ValueError, TypeError):  # the library's message may quote the key
        raise _refused("a field is missing, or the private_key cannot be read") from None
    return made


def _read(text: str) -> dict[str, Any]:
    try:
        info = json.loads(text)
    except (ValueError, RecursionError):
        raise _refused("it is not JSON") from None
    if not isinstance(info, dict):
        raise _refused("it is not a JSON object")
    return info


def _refused(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"credentials: {reason}",
        code="credentials.invalid",
        hint="give the JSON text of a service account's key as Google's console exports it",
    )
