"""A small HTTP API on loopback, as the specification's templates expect it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "key-4711-not-for-your-eyes"


def records(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "name": f"user {number}",
            "email": None if number % 7 == 0 else f"user{number}@example.com",
            "score": number / 2,
            "tags": ["a", "b"],
            "changed_at": f"2026-02-{number % 28 + 1:02d}T10:00:00+00:00",
        }
        for number in range(1, count + 1)
    ]


class Api:
    """``GET /health``, ``GET /data`` in pages, ``POST /load``; keeps what was loaded."""

    def __init__(self, rows: int = 250) -> None:
        self.records = records(rows)
        self.loaded: list[tuple[str, list[dict[str, Any]]]] = []
        self.requests: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.api = self  # type: ignore[attr-defined]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet
    disable_nagle_algorithm = True

    @property
    def api(self) -> Api:
        return self.server.api  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.api.requests.append(self.path)
        if url.path == "/health":
            self._answer(200, {"ok": True})
        elif url.path != "/data":
            self._answer(404, {"error": "not found"})
        elif self.headers.get("Authorization") != f"Bearer {KEY}":
            self._answer(401, {"error": "who are you?"})
        else:
            self._answer(200, self._page({name: values[0] for name, values in parse_qs(url.query).items()}))

    def _page(self, query: dict[str, str]) -> dict[str, Any]:
        found = self.api.records
        if "since" in query:
            since = datetime.fromisoformat(query["since"])
            found = [item for item in found if datetime.fromisoformat(item["changed_at"]) >= since]
        size, page = int(query.get("per_page", 100)), int(query.get("page", 1))
        return {"results": found[(page - 1) * size : page * size], "has_more": page * size < len(found)}

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.api.loaded.append((body["mode"], body["data"]))
        self._answer(200, {"rows_written": len(body["data"])})

    def _answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass
