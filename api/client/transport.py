"""What carries a client's calls: the key, repetitions, entity tags, and answers made models or errors."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from acme_sdk.errors import AcmeError, ConfigurationError
from acme_sdk.http import BearerAuth, HttpResponse, HttpSession
from acme_sdk.http.hosts import without_query
from api.client.errors import UnreachableError, error_of

__all__ = ["Transport"]

_M = TypeVar("_M", bound=BaseModel)

_CONNECT_S = 10.0
_RETRIES = 2
# Documents that are kept to be asked for by their entity tags.
_KEPT = 64


class Transport:
    """Sends requests to one server and reads its answers.

    Args:
        url: Where the API is.
        key: The key, if one is needed. No error and no ``repr()`` shows it.
        timeout: Seconds to wait for an answer.

    Raises:
        ConfigurationError: The address or the key cannot be one (codes ``url.invalid``, ``key.invalid``).
    """

    def __init__(self, url: str, key: str | None, timeout: float) -> None:
        self.url = _checked_url(url)
        self._timeout = timeout
        self._session = HttpSession(retries=_RETRIES)
        self._session.headers["User-Agent"] = f"acme-connectors/{version('acme-connectors')}"
        if key:
            self._session.auth = BearerAuth(_checked_key(key))
        self._kept: dict[str, tuple[str, BaseModel]] = {}

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def get(self, model: type[_M], path: str, params: Mapping[str, Any] | None = None) -> _M:
        """Ask for a document; one that is known and has not changed is not sent once more.

        Raises:
            ApiError: See `send`.
        """
        address = f"{path}?{sorted((params or {}).items())}"
        tag, known = self._kept.pop(address, (None, None))
        headers = {} if tag is None else {"If-None-Match": tag}
        response = self.send("GET", path, params=params, headers=headers)
        if response.status_code == 304 and isinstance(known, model):
            found: _M = known
        else:
            found = self.read(model, response)
            tag = response.headers.get("ETag")
        if tag is not None:
            self._keep(address, tag, found)
        return found

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        wait: float = 0.0,
    ) -> HttpResponse:
        """Send a request and return the answer, which is no problem.

        Args:
            method: The HTTP method.
            path: Below the server's address.
            params: The query's parameters; those that are ``None`` are left out.
            body: Goes as JSON.
            headers: Further headers.
            wait: The seconds for which the server was asked to wait.

        Raises:
            ApiError: The server refuses it, or cannot do it; a subclass says which.
            UnreachableError: No answer came.
        """
        try:
            response = self._session.request(
                method,
                self.url + path,
                params=params,
                json=body,
                headers=headers,
                timeout=(_CONNECT_S, self._timeout + wait),
                # The API has no redirects: neither the key nor a password in a body goes anywhere else.
                allow_redirects=False,
            )
        except AcmeError as error:
            raise UnreachableError(error.message, code=error.code, hint=error.hint) from None
        if response.is_redirect:
            raise UnreachableError(
                f"{self.url} leads to {without_query(response.headers['Location'])}",
                code="redirected",
                hint="give the address that it leads to, if that is the right one",
                status=response.status_code,
            )
        if not response.ok:
            raise error_of(response)
        return response

    def read(self, model: type[_M], response: HttpResponse) -> _M:
        """Return what an answer holds; fields that this version does not know are passed over.

        Raises:
            UnreachableError: It is something else (code ``answer.unexpected``).
        """
        try:
            return model.model_validate_json(response.content, extra="ignore")
        except ValidationError:
            raise UnreachableError(
                f"{self.url} does not answer as this API does",
                code="answer.unexpected",
                hint="check the address, and that client and server are of about the same version",
            ) from None

    def _keep(self, address: str, tag: str, document: BaseModel) -> None:
        self._kept[address] = (tag, document)
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(
            "this is no address of the API",
            code="url.invalid",
            hint="write it like https://connectors.example.com; the key is given apart",
        )
    return url.rstrip("/")


def _checked_key(key: str) -> str:
    key = key.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(
            "this is no key of the API", code="key.invalid", hint="acme api keys create makes one"
        )
    return key
