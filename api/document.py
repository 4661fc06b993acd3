"""The OpenAPI document: what the library does not say of the routes by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from flask_openapi.openapi import OpenAPI
from flask_openapi.utils import parse_rule

from api.access.auth import scope_of
from api.access.idempotency import takes_key
from api.messages.catalogue import possible_problems
from api.messages.headers import REQUEST_ID

__all__ = ["DescribedApi"]

_KEY = "key"
_SECURITY = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "acme_…",
    "description": "A key that `acme api keys create --scope …` made. Of its scopes none includes another: "
    "`read` is for every GET, `test` for tests of connections and connectors, `write` for everything else "
    "that is sent. A server on loopback asks for none until the first one was made.",
}
# What any operation, any that changes something, is sent a body, or takes a key may answer.
_ALWAYS = ("request.malformed", "request.headers_too_large", "host.unknown", "rate.exceeded", "internal")
_SENDING = ("registry.full", "storage.full", "origin.refused")
_WITH_BODY = ("request.too_large", "request.not_json", "request.invalid")
_WITH_KEY = ("auth.required", "auth.scope", "registry.unavailable")

_PARAMETERS: Mapping[str, dict[str, Any]] = {
    "If-None-Match": {
        "description": "The entity tag of the document that is known: 304 as long as it has not changed.",
        "required": False,
        "schema": {"type": "string", "examples": ['"b1946ac92492d2347c6235b4d2611184"']},
    },
    "If-Match": {
        "description": "The entity tag of the version that was seen, or `*` for whatever is there.",
        "required": True,
        "schema": {"type": "string", "examples": ['"v17"', "*"]},
    },
    "Idempotency-Key": {
        "description": "Chosen by the client, another one for each request: sent once more, the request "
        "gets the same answer for 24 hours, and nothing is done twice.",
        "required": False,
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^[!-~]([ -~]*[!-~])?$",
            "examples": ["5c3b1f0e-6f5c-4f0c-9a51-0d9b0f6a7f11"],
        },
    },
}
_HEADERS: Mapping[str, dict[str, Any]] = {
    "ETag": {
        "description": "The entity tag, for `If-None-Match` and `If-Match`.",
        "schema": {"type": "string", "examples": ['"v17"']},
    },
    "Location": {
        "description": "The path of what was made or started.",
        "schema": {"type": "string", "format": "uri-reference", "examples": ["/api/v1/connectors/users_db"]},
    },
    "Retry-After": {
        "description": "After how many seconds it may go well.",
        "schema": {"type": "integer", "minimum": 0, "examples": [10]},
    },
    "RateLimit": {
        "description": "How many requests are left, and in how many seconds all are there again.",
        "schema": {"type": "string", "examples": ['"read";r=5999;t=60']},
    },
    "RateLimit-Policy": {
        "description": "How many requests are allowed in how many seconds.",
        "schema": {"type": "string", "examples": ['"read";q=6000;w=60']},
    },
    REQUEST_ID: {
        "description": "The id of the request, which is in the server's log: as it was sent, or a new one.",
        "schema": {"type": "string", "examples": ["9f86d081884c7d65"]},
    },
    "WWW-Authenticate": {
        "description": "How to send a key.",
        "schema": {"type": "string", "examples": ['Bearer realm="Connector API"']},
    },
}
# Those of every answer, and whether they are certain to be there.
_EVERYWHERE = {REQUEST_ID: True, "RateLimit": False, "RateLimit-Policy": False}
# Further ones, by operation and status.
_SENT: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "registerConnector": {"200": ("ETag", "Location"), "201": ("ETag", "Location")},
    "changeConnector": {"200": ("ETag",)},
    "testConnector": {"200": ("Location",), "202": ("Location",)},
    "runPipeline": {"200": ("Location",), "202": ("Location",)},
}


class DescribedApi(OpenAPI):
    """An application whose OpenAPI document says all: keys, headers, and the problems of every operation."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function: none is a coroutine, for which Flask looks a dozen times in each request."""
        return func

    def generate_spec_json(self) -> None:
        """Make the document."""
        self.security_schemes = {_KEY: _SECURITY}
        super().generate_spec_json()  # type: ignore[no-untyped-call] # it has no annotations
        views = {
            (parse_rule(rule.rule), method.lower()): self.view_functions[rule.endpoint]
            for rule in self.url_map.iter_rules()
            for method in rule.methods or ()
        }
        for path, method, operation in _operations(self.spec_json):
            # What the library would answer to an invalid request.
            del operation["responses"][self.validation_error_status]
            _complete(operation, path, method, views[path, method])


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _complete(operation: dict[str, Any], path: str, method: str, view: Any) -> None:
    operation["tags"] = sorted(operation["tags"])
    scope = scope_of(view, method.upper())
    operation["security"] = [] if scope is None else [{_KEY: [scope]}]
    responses = operation["responses"]
    codes = [*_ALWAYS, *(() if scope is None else _WITH_KEY)]
    if method != "get":
        codes += _SENDING
    if method in ("post", "patch"):
        codes += _WITH_BODY
    if operation.get("parameters"):
        codes.append("request.invalid")
    if path.startswith("/api/"):
        codes.append("request.not_acceptable")
    if "304" in responses:
        codes.append("version.other")
    if takes_key(view):
        codes += ["idempotency.invalid", "idempotency.reused", "idempotency.at_work", "registry.nowhere"]
    for status, response in possible_problems(*codes).items():
        _add(responses, str(status.value), response)
    names = [
        *(["If-None-Match"] if "304" in responses else []),
        *(["If-Match"] if str(HTTPStatus.PRECONDITION_REQUIRED.value) in responses else []),
        *(["Idempotency-Key"] if takes_key(view) else []),
    ]
    headers = [{"name": name, "in": "header"} | _PARAMETERS[name] for name in names]
    operation["parameters"] = [*(operation.get("parameters") or []), *headers]
    _tell_headers(operation["operationId"], responses)
    operation["responses"] = dict(sorted(responses.items()))


def _add(responses: dict[str, Any], status: str, response: dict[str, Any]) -> None:
    """Add problems to those that the route itself tells."""
    if status not in responses:
        responses[status] = response
        return
    for kind, content in response["content"].items():
        responses[status]["content"][kind].setdefault("examples", {}).update(content["examples"])


def _tell_headers(operation_id: str, responses: dict[str, Any]) -> None:
    tagged = {"200": ("ETag",), "304": ("ETag",)} if "304" in responses else {}
    sent = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}
    further = {**sent, **tagged, **_SENT.get(operation_id, {})}
    for status, response in responses.items():
        names = _EVERYWHERE | dict.fromkeys(further.get(status, ()), status != "503")
        response["headers"] = {
            name: _HEADERS[name] | {"required": is_certain} for name, is_certain in names.items()
        }
