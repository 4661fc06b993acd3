"""The API that the mutants talk to: people in pages of five styles, by region, and a table to load into."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

KEY = "key-4711-not-for-your-eyes"
REGIONS = ("eu", "us", "asia")
LARGEST_PAGE = 100


def people(count: int) -> list[dict[str, Any]]:
    """Return records by ascending id and time of change; ids are unique, some e-mail addresses missing."""
    return [
        {
            "id": number,
            "name": f"user {number}",
            "email": None if number % 7 == 0 else f"user{number}@example.com",
            "score": number / 2,
            "tags": ["a", "b"],
            "region": REGIONS[number % 3],
            "changed_at": f"2026-02-{1 + number // 24:02d}T{number % 24:02d}:00:00+00:00",
        }
        for number in range(1, count + 1)
    ]


class Api:
    """One API on a free port of 127.0.0.1, with a table of its own.

    Everything but ``/health`` and ``/load`` wants the bearer `KEY`. Each list takes ``since``, and no page
    holds more than `LARGEST_PAGE` records.

    =================================  =====================================================
    ``GET /data?page&per_page``        ``{"results", "has_more"}``
    ``GET /offset?offset&limit``       ``{"items", "total"}``
    ``GET /after?after&limit``         ``{"items", "next"}``, the last one with ``null``
    ``GET /linked?page&per_page``      a list, and ``Link: <…>; rel="next"``
    ``GET /numbered?page&per_page``    ``{"items", "pages"}``
    ``GET /regions``                   the names for ``/regions/NAME/data``, which is like ``/data``
    ``POST /load``                     ``{"mode", "data"}`` → ``{"rows_written"}``
    ``GET /table``                     what was loaded
    =================================  =====================================================
    """

    def __init__(self, rows: int) -> None:
        self.people = people(rows)
        self.table: list[dict[str, Any]] = []
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.api = self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def load(self, mode: str, rows: list[dict[str, Any]]) -> int:
        if mode == "overwrite":
            self.table = []
        elif mode == "upsert":
            ids = {row.get("id") for row in rows}
            self.table = [row for row in self.table if row.get("id") not in ids]
        self.table += rows
        return len(rows)


@contextmanager
def serving(rows: int = 250) -> Iterator[Api]:
    api = Api(rows)
    thread = threading.Thread(target=api.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.server.shutdown()
        api.server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    api: Api

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: some mutants hang up in the middle."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet
    disable_nagle_algorithm = True
    server: _Server

    @property
    def api(self) -> Api:
        return self.server.api

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/health":
            return self._answer(200, {"ok": True})
        if url.path == "/table":
            return self._answer(200, self.api.table)
        query = dict(parse_qsl(url.query))
        if KEY not in (self.headers.get("Authorization", "").removeprefix("Bearer "), query.get("api_key")):
            return self._answer(401, {"error": "who are you?"})
        match url.path.strip("/").split("/"):
            case ["regions"]:
                return self._answer(200, list(REGIONS))
            case ["regions", region, "data"]:
                return self._answer(200, self._data(query, region))
            case [("data" | "offset" | "after" | "numbered") as style]:
                return self._answer(200, getattr(self, f"_{style}")(query))
            case ["linked"]:
                return self._linked(query)
        return self._answer(404, {"error": "not found"})

    def _found(self, query: dict[str, str], region: str | None = None) -> list[dict[str, Any]]:
        found = [item for item in self.api.people if region in (None, item["region"])]
        if since := query.get("since"):
            found = [i for i in found if datetime.fromisoformat(i["changed_at"]) >= _time(since)]
        return found

    def _data(self, query: dict[str, str], region: str | None = None) -> dict[str, Any]:
        found, size, page = self._found(query, region), _size(query, "per_page"), int(query.get("page", 1))
        return {
            "results": found[(page - 1) * size : page * size] if page > 0 else [],
            "has_more": page * size < len(found),
        }

    def _offset(self, query: dict[str, str]) -> dict[str, Any]:
        found, start = self._found(query), int(query.get("offset", 0))
        return {"items": found[start : start + _size(query, "limit")], "total": len(found)}

    def _after(self, query: dict[str, str]) -> dict[str, Any]:
        found = [item for item in self._found(query) if item["id"] > int(query.get("after", 0))]
        items = found[: _size(query, "limit")]
        return {"items": items, "next": items[-1]["id"] if len(found) > len(items) else None}

    def _numbered(self, query: dict[str, str]) -> dict[str, Any]:
        """Pages beyond the last are answered with the last, as some APIs do."""
        found, size = self._found(query), _size(query, "per_page")
        pages = max(1, -(-len(found) // size))
        page = min(int(query.get("page", 1)), pages)
        return {"items": found[(page - 1) * size : page * size], "pages": pages}

    def _linked(self, query: dict[str, str]) -> None:
        data = self._data(query)
        following = urlencode({**query, "page": int(query.get("page", 1)) + 1})
        link = f'<{self.api.url}/linked?{following}>; rel="next"'
        self._answer(200, data["results"], {"Link": link} if data["has_more"] else {})

    def do_POST(self) -> None:
        try:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        except ValueError:
            return self._answer(400, {"error": "this is no JSON"})
        return self._answer(200, {"rows_written": self.api.load(body["mode"], body["data"])})

    def _answer(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _size(query: dict[str, str], name: str) -> int:
    return min(int(query.get(name, LARGEST_PAGE)), LARGEST_PAGE)


def _time(text: str) -> datetime:
    """A time without a zone is taken for UTC, as most APIs do."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else datetime.fromisoformat(f"{text}+00:00")
