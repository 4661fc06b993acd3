"""Servers on loopback that take alerts: HTTP for webhooks and Slack, and SMTP."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Inbox:
    """What a server was sent, and what it says to the next that comes."""

    port: int = 0
    messages: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    answer: bytes = b'{"ok": true}'
    #: Until it is set, nothing is answered.
    open: threading.Event = field(default_factory=threading.Event)


@contextmanager
def http_server() -> Iterator[Inbox]:
    inbox = Inbox()
    inbox.open.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.open.wait(30)
            inbox.headers.append(dict(self.headers))
            if inbox.status == 200:
                inbox.messages.append(json.loads(body))
            self.send_response(inbox.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(inbox.answer)))
            self.end_headers()
            self.wfile.write(inbox.answer)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        inbox.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield inbox
        finally:
            inbox.open.set()
            server.shutdown()
            thread.join()


@contextmanager
def smtp_server() -> Iterator[Inbox]:
    """A server that takes every mail: as much of SMTP as a client needs for that."""
    inbox = Inbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 here")
            while line := self.rfile.readline():
                match line.split()[0].upper():
                    case b"DATA":
                        self._say("354 go on")
                        lines = iter(self.rfile.readline, b".\r\n")
                        inbox.messages.append(b"".join(lines).decode())
                        self._say("250 taken")
                    case b"QUIT":
                        self._say("221 bye")
                        return
                    case b"AUTH":
                        inbox.headers.append({"auth": line.decode().strip()})
                        self._say("235 welcome")
                    case b"EHLO":
                        self._say("250-here\r\n250 AUTH PLAIN")
                    case _:
                        self._say("250 well")

        def _say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        inbox.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield inbox
        finally:
            server.shutdown()
            thread.join()
