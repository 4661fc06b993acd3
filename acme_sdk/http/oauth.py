"""OAuth 2.0 (RFC 6749, RFC 7523): tokens that a server gives, and that are renewed when they expire.

They need the extra ``oauth``: oauthlib, and PyJWT for assertions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from requests import PreparedRequest

from acme_sdk.errors import AcmeError, FatalError, RetriableError
from acme_sdk.http.auth import BasicAuth, Token, TokenAuth
from acme_sdk.http.session import HttpSession
from acme_sdk.http.signed_token import JwtAuth, require_package
from acme_sdk.secrets import Redactor

__all__ = ["OAuth2ClientCredentials", "OAuth2JwtBearer", "OAuth2RefreshToken"]

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_DESCRIPTION = 200
_PASSING = frozenset({"server_error", "temporarily_unavailable"})
_HINTS = {
    "invalid_client": "check client id and secret, and whether client_auth must be header or body",
    "invalid_grant": "the refresh token or assertion is expired, revoked or used: authorize again",
    "invalid_request": "the server wants another parameter; give it by extra=…",
    "invalid_scope": "check the scope",
    "unauthorized_client": "allow this kind of grant where the client is registered",
    "unsupported_grant_type": "the server does not have this kind of grant",
}


class _OAuth2(TokenAuth):
    """What the grants have in common: one request to the token endpoint."""

    def __init__(
        self,
        token_url: str,
        client_id: str | None,
        client_secret: str | None,
        scope: str | None,
        client_auth: Literal["header", "body"],
        extra: Mapping[str, str] | None,
    ) -> None:
        super().__init__()
        require_package("oauthlib")
        self._token_url = token_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._in_body = client_auth == "body"
        self._parameters = {**({"scope": scope} if scope else {}), **(extra or {})}

    def _ask(self, grant: str, secrets: Mapping[str, str]) -> dict[str, Any]:
        """Return what the token endpoint answers to a grant.

        Raises:
            FatalError: It refuses (code ``oauth.invalid_client``, ``oauth.invalid_grant``, …), or gives no
                token.
            RetriableError: It is unreachable, too busy or broken.
        """
        from oauthlib.oauth2 import OAuth2Error
        from oauthlib.oauth2.rfc6749.parameters import parse_token_response, prepare_token_request

        client: dict[str, Any] = {"client_id": self._client_id} if self._client_id else {}
        auth = None
        if self._client_secret is not None and not self._in_body:
            auth = BasicAuth(self._client_id or "", self._client_secret)
            client = {}
        elif self._client_secret is not None:
            client["client_secret"] = self._client_secret
        parameters: dict[str, Any] = {**client, **secrets, **self._parameters}
        # A session of its own: nothing of the API's goes to the token endpoint, and no redirect is followed
        # with the secrets.
        with HttpSession() as session:
            response = session.request(
                "POST",
                self._token_url,
                data=prepare_token_request(grant, **parameters),
                auth=auth or _nobody,
                headers={"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
                allow_redirects=False,
            )
        if response.status_code == 429 or response.status_code >= 500:
            response.raise_for_status()
        if 300 <= response.status_code < 400:
            raise FatalError(
                f"{response.where} answered {response.status_code}: the token endpoint is elsewhere",
                code="oauth.redirected",
                hint="secrets do not follow redirects; correct the token URL",
            )
        try:
            answer: dict[str, Any] = parse_token_response(response.text)
        except OAuth2Error as error:
            if error.error == "missing_token":
                response.raise_for_status()
            raise self._refused(response.where, error, list(secrets.values())) from None
        except Exception:  # noqa: BLE001 - whatever the parser makes of an answer that is no such thing
            response.raise_for_status()
            raise _no_token(response.where) from None
        return answer

    def _refused(self, where: str, error: Any, secrets: list[str]) -> AcmeError:
        name = str(error.error)
        if name == "missing_token":
            return _no_token(where)
        known = name in _HINTS or name in _PASSING
        told = f"{name}: {error.description}" if error.description else name
        if self._client_secret:
            secrets = [*secrets, self._client_secret, f"{self._client_id}:{self._client_secret}"]
        told = " ".join(Redactor(secrets).redact(told).split())[:_LONGEST_DESCRIPTION]
        kind = RetriableError if name in _PASSING else FatalError
        return kind(
            f"{where} gave no token: {told}",
            code=f"oauth.{name}" if known else "oauth.refused",
            hint=_HINTS.get(name),
        )


class OAuth2ClientCredentials(_OAuth2):
    """The client acts for itself (RFC 6749, 4.4).

    Args:
        token_url: The token endpoint.
        client_id: The client.
        client_secret: Its secret.
        scope: What the token is to be good for; several are separated by spaces.
        client_auth: Whether id and secret go into the ``header``, as every server should take them, or the
            ``body``.
        extra: More parameters, such as ``audience``.

    Raises:
        ConfigurationError: The extra ``oauth`` is not installed (code ``extra.missing``).
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        *,
        scope: str | None = None,
        client_auth: Literal["header", "body"] = "header",
        extra: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(token_url, client_id, client_secret, scope, client_auth, extra)

    def obtain(self) -> Token:
        """Ask the token endpoint."""
        return _token(self._ask("client_credentials", {}))


class OAuth2RefreshToken(_OAuth2):
    """The client acts for a user who allowed it once (RFC 6749, 6).

    Args:
        token_url: The token endpoint.
        client_id: The client.
        client_secret: Its secret; ``None`` for a public client.
        refresh_token: The refresh token.
        on_rotation: Called with the new refresh token when the server replaces it, before the access token
            is used. Servers that do so refuse the old one from then on: keep the new one for the next run.
        scope: See `OAuth2ClientCredentials`.
        client_auth: See `OAuth2ClientCredentials`.
        extra: See `OAuth2ClientCredentials`.

    Raises:
        ConfigurationError: The extra ``oauth`` is not installed (code ``extra.missing``).
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str | None,
        refresh_token: str,
        *,
        on_rotation: Callable[[str], None] | None = None,
        scope: str | None = None,
        client_auth: Literal["header", "body"] = "header",
        extra: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(token_url, client_id, client_secret, scope, client_auth, extra)
        self._refresh_token = refresh_token
        self._on_rotation = on_rotation

    def obtain(self) -> Token:
        """Ask the token endpoint; keep the refresh token that it may give in exchange."""
        answer = self._ask("refresh_token", {"refresh_token": self._refresh_token})
        rotated = answer.get("refresh_token")
        if rotated and rotated != self._refresh_token:
            self._refresh_token = rotated
            if self._on_rotation is not None:
                self._on_rotation(rotated)
        return _token(answer)


class OAuth2JwtBearer(_OAuth2):
    """A service account: a signed assertion is exchanged for a token (RFC 7523).

    Args:
        token_url: The token endpoint.
        key: The private key in PEM form, or the shared secret of an ``HS…`` algorithm.
        issuer: Who signs, ``iss``.
        subject: Who is acted for, ``sub``.
        audience: Whom the assertion is for, ``aud``; the token endpoint by default.
        algorithm: How it is signed.
        claims: More claims. Google takes the ``scope`` as one.
        key_id: Which key it is, ``kid``.
        scope: See `OAuth2ClientCredentials`.
        extra: See `OAuth2ClientCredentials`.

    Raises:
        ConfigurationError: The extra ``oauth`` is not installed (code ``extra.missing``).
    """

    def __init__(
        self,
        token_url: str,
        key: str,
        *,
        issuer: str,
        subject: str | None = None,
        audience: str | None = None,
        algorithm: str = "RS256",
        claims: Mapping[str, Any] | None = None,
        key_id: str | None = None,
        scope: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(token_url, None, None, scope, "header", extra)
        own = {"iss": issuer, "aud": audience or token_url, **({"sub": subject} if subject else {})}
        self._assertion = JwtAuth(key, {**own, **(claims or {})}, algorithm=algorithm, key_id=key_id)

    def obtain(self) -> Token:
        """Sign an assertion and exchange it."""
        return _token(self._ask(_JWT_BEARER, {"assertion": self._assertion.obtain().value}))


def _nobody(request: PreparedRequest) -> PreparedRequest:
    """Send no credentials of the machine's own, as out of ``~/.netrc``."""
    return request


def _token(answer: Mapping[str, Any]) -> Token:
    lifetime = answer.get("expires_in")
    return Token(str(answer["access_token"]), float(lifetime) if lifetime is not None else None)


def _no_token(where: str) -> FatalError:
    return FatalError(
        f"{where}: the answer holds no token",
        code="oauth.no_token",
        hint="check the address of the token endpoint",
    )
