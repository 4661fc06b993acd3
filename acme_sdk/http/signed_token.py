"""Tokens that we sign ourselves (RFC 7519), again and again before they expire.

They need the extra ``oauth``: PyJWT.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from acme_sdk.errors import ConfigurationError
from acme_sdk.http.auth import Token, TokenAuth

__all__ = ["JwtAuth", "require_package"]


class JwtAuth(TokenAuth):
    """A token that we sign ourselves, sent as it is.

    Args:
        key: The private key in PEM form, or the shared secret of an ``HS…`` algorithm.
        claims: The claims; ``iat`` and ``exp`` are added.
        algorithm: How it is signed.
        key_id: Which key it is, ``kid``.
        lifetime: How long a token is good, in seconds.

    Raises:
        ConfigurationError: The extra ``oauth`` is not installed (code ``extra.missing``).
    """

    def __init__(
        self,
        key: str,
        claims: Mapping[str, Any],
        *,
        algorithm: str = "RS256",
        key_id: str | None = None,
        lifetime: int = 300,
    ) -> None:
        super().__init__()
        require_package("jwt")
        self._key = key
        self._claims = dict(claims)
        self._algorithm = algorithm
        self._headers = {"kid": key_id} if key_id else None
        self._lifetime = lifetime

    def obtain(self) -> Token:
        """Sign a new token.

        Raises:
            ConfigurationError: The key is no key for the algorithm (code ``jwt.key``).
        """
        import jwt

        now = int(time.time())
        claims = {**self._claims, "iat": now, "exp": now + self._lifetime}
        try:
            signed = jwt.encode(claims, self._key, self._algorithm, headers=self._headers)
        except (jwt.PyJWTError, NotImplementedError, TypeError, ValueError):
            # What the libraries say may quote the key.
            raise ConfigurationError(
                f"the key cannot sign by {self._algorithm}",
                code="jwt.key",
                hint="it must be a whole private key in PEM form, line breaks included; a secret for HS256",
            ) from None
        return Token(signed, self._lifetime)


def require_package(module: str) -> None:
    """Refuse to go on without a package of the extra ``oauth``.

    Raises:
        ConfigurationError: It is not installed (code ``extra.missing``).
    """
    try:
        import_module(module)
    except ImportError:
        raise ConfigurationError(
            f"{module} is not installed", code="extra.missing", hint="pip install 'acme-connectors[oauth]'"
        ) from None
