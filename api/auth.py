"""Who may do what: each request's key is recognized, and its scopes are held against what the route needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import ParamSpec, TypeVar

from flask import current_app, g, request

from acme_orchestration.registry.keys import SCOPES, Scope
from api.keys import KeyRing
from api.problems import ProblemError

__all__ = ["Caller", "authenticate", "caller", "needs"]

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


def needs(scope: Scope | None) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Say which scope a route needs; ``None`` for what tells nothing about connectors, and takes no key.

    Of other routes, GET needs ``read``, all else ``write``.
    """

    def mark(view: Callable[_P, _T]) -> Callable[_P, _T]:
        view.__dict__["needs_scope"] = scope
        return view

    return mark


def authenticate(keys: KeyRing | None) -> None:
    """Find out who sent the present request, and whether they may.

    Args:
        keys: Recognizes keys; ``None`` where there is no place for any.

    Raises:
        ProblemError: 401 without a valid key, whatever is wrong with it; 403 if it has not the scope.
        RegistryUnavailableError: The keys could never be read.
    """
    scope = _scope()
    g.caller = _LOCAL if keys is None or scope is None else _recognized(keys)
    if scope is not None and scope not in g.caller.scopes:
        raise ProblemError(HTTPStatus.FORBIDDEN, "auth.scope", f"this key has not the scope {scope!r}")


def caller() -> Caller:
    """Return who sent the present request."""
    found: Caller = g.caller
    return found


def _recognized(keys: KeyRing) -> Caller:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if not keys.is_required():
        return _LOCAL
    key = keys.find(text.strip()) if kind.lower() == "bearer" else None
    if key is None:
        # The same whether there is no key, a wrong one, or a revoked one.
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED,
            "auth.required",
            "send a valid key, as Authorization: Bearer acme_…",
            headers={"WWW-Authenticate": 'Bearer realm="Connector API"'},
        )
    return Caller(key.name, frozenset(key.scopes))


def _scope() -> Scope | None:
    view = current_app.view_functions.get(request.endpoint or "")
    unmarked: Scope = "read" if request.method in ("GET", "HEAD", "OPTIONS") else "write"
    marked: Scope | None = getattr(view, "needs_scope", unmarked)
    return marked
