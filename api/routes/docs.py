"""The OpenAPI document, and the page that shows it. All assets come from this server."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, cast

from flask import Blueprint, Response, current_app, jsonify, request, send_from_directory

from api.access.auth import needs

if TYPE_CHECKING:
    from flask_openapi.openapi import OpenAPI

__all__ = ["docs"]

docs = Blueprint("docs", __name__)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Connector API</title>
  <link rel="icon" href="docs/assets/images/swagger.svg">
  <link rel="stylesheet" href="docs/assets/css/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <noscript>This page needs JavaScript; it shows <a href="openapi.json">openapi.json</a>.</noscript>
  <script src="docs/assets/js/swagger-ui-bundle.js"></script>
  <script src="docs/start.js"></script>
</body>
</html>
"""
# In a file of its own, so that the page's policy can forbid inline scripts. The validator badge would call
# home.
_START = """\
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null});
"""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ASSETS = files("flask_openapi_swagger") / "templates" / "swagger"


@docs.get("/openapi.json")
@needs(None)
def document() -> Response:
    """The OpenAPI document."""
    # Where the server is, as the client sees it: a proxy may have put a path in front.
    servers = [{"url": request.script_root or "/"}]
    return jsonify({**cast("OpenAPI", current_app).api_doc, "servers": servers})


@docs.get("/docs")
@needs(None)
def page() -> Response:
    """The page that shows the document."""
    return Response(
        _PAGE, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _POLICY}
    )


@docs.get("/docs/start.js")
@needs(None)
def start() -> Response:
    """What the page runs."""
    return Response(_START, content_type="text/javascript; charset=utf-8")


@docs.get("/docs/assets/<path:name>")
@needs(None)
def asset(name: str) -> Response:
    """The page's styles, scripts and pictures."""
    return send_from_directory(str(_ASSETS), name, max_age=3600)
