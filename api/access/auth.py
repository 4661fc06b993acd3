"""Who may do what: each request's key is recognized, and its scopes are held against what the route needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from flask import current_app, g, request

from acme_orchestration.registry.keys import SCOPES, Scope
from api.access.keys import KeyRing
from api.messages.problems import ProblemError

if TYPE_CHECKING:
    from flask import Response

    from api.quotas.rates import Rates

__all__ = [
    "Caller", "address", "authorize", "caller", "count_request", "is_local", "needs", "recognize", "scope_of",
    "tell_standing",
]  # fmt: skip

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    Attributes:
        name: The name of the key, for the audit trail.
        scopes: What it may do.
    """

    name: str
    scopes: frozenset[Scope]


#: Who is on this machine, while there are no keys.
_LOCAL = Caller("local", frozenset(SCOPES))
#: Who asks for what takes no key, where there are keys.
_ANYBODY = Caller("anybody", frozenset())


def needs(scope: Scope | None) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Say which scope a route needs; ``None`` for what tells nothing about connectors, and takes no key.

    Of other routes, GET needs ``read``, all else ``write``.
    """

    def mark(view: Callable[_P, _T]) -> Callable[_P, _T]:
        view.__dict__["needs_scope"] = scope
        return view

    return mark


def recognize(keys: KeyRing | None, rates: Rates | None) -> None:
    """Find out who sent the present request.

    Args:
        keys: Recognizes keys; ``None`` where there is no place for any.
        rates: How often an address may send no valid one; ``None`` for no limit.

    Raises:
        ProblemError: 401 without a valid key, whatever is wrong with it; 429 if that comes too often.
        RegistryUnavailableError: The keys could never be read.
    """
    found = _LOCAL if keys is None else _recognized(keys)
    if found is None and rates is not None:
        rates.count("refused", address())
    if found is None:
        # The same whether there is no key, a wrong one, or a revoked one.
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED,
            "auth.required",
            "send a valid key, as Authorization: Bearer acme_…",
            headers={"WWW-Authenticate": 'Bearer realm="Connector API"'},
        )
    g.caller = found


def count_request(rates: Rates) -> None:
    """Count the present request for its key, or where there is none for its address.

    Raises:
        ProblemError: 429, there were too many.
    """
    who = caller()
    has_key = who is not _LOCAL and who is not _ANYBODY
    g.standing = rates.count(_scope() or "read", f"key {who.name}" if has_key else f"address {address()}")


def tell_standing(response: Response) -> Response:
    """Say in an answer how many further requests are allowed."""
    standing = g.get("standing")
    for name, value in standing.headers.items() if standing else ():
        response.headers.setdefault(name, value)
    return response


def authorize() -> None:
    """Find out whether who sent the present request may.

    Raises:
        ProblemError: 403, the key has not the scope.
    """
    scope = _scope()
    if scope is not None and scope not in caller().scopes:
        raise ProblemError(HTTPStatus.FORBIDDEN, "auth.scope", f"this key has not the scope {scope!r}")


def is_local() -> bool:
    """Tell whether the present request needs no key because there are none."""
    return caller() is _LOCAL


def address() -> str:
    """Return the address that the present request comes from."""
    return request.remote_addr or ""


def caller() -> Caller:
    """Return who sent the present request."""
    found: Caller = g.caller
    return found


def _recognized(keys: KeyRing) -> Caller | None:
    if _scope() is None:
        # Whether there are keys may take a database that is away.
        return _ANYBODY if keys.was_required else _LOCAL
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if not keys.is_required():
        return _LOCAL
    key = keys.find(text.strip()) if kind.lower() == "bearer" else None
    return Caller(key.name, frozenset(key.scopes)) if key is not None else None


def scope_of(view: object, method: str) -> Scope | None:
    """Return the scope that a route needs; ``None`` for one that takes no key."""
    unmarked: Scope = "read" if method in ("GET", "HEAD", "OPTIONS") else "write"
    marked: Scope | None = getattr(view, "needs_scope", unmarked)
    return marked


def _scope() -> Scope | None:
    return scope_of(current_app.view_functions.get(request.endpoint or ""), request.method)
