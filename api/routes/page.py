"""The page at ``/``, for people who have no Dagster UI at hand: the files of the folder ``page``.

It holds nothing of an installation and takes no key: it asks the API, with one if need be.
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

from api.access.auth import needs

__all__ = ["page"]

page = Blueprint("page", __name__)

_FOLDER = Path(__file__).parents[1] / "page"
# What a system takes these files for is not always right.
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
# No markup can become script: neither inline, nor by a DOM function that takes text for markup.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@page.get("/")
@needs(None)
def index() -> Response:
    """The page."""
    response = _sent("index.html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@page.get("/page/<name>")
@needs(None)
def asset(name: str) -> Response:
    """The page's styles, scripts and picture."""
    return _sent(name)


def _sent(name: str) -> Response:
    # Asked for anew each time, with an entity tag: after an upgrade no old script meets a new one.
    return send_from_directory(_FOLDER, name, mimetype=_TYPES.get(Path(name).suffix), max_age=0)
