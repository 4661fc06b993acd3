"""A worker of the server: waitress' loop under gunicorn's arbiter.

Waitress reads requests and sends answers in one loop, and gives a request to a thread when it is whole: slow
clients hold no threads.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import time
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker
from waitress import wasyncore  # type: ignore[import-untyped] # it has no stubs
from waitress.server import create_server  # type: ignore[import-untyped]

from acme_sdk.errors import AcmeError
from api.app import MAX_BODY_BYTES
from api.server.channel import Channel
from api.server.logs import write_together

__all__ = ["WaitressWorker"]

_THREADS = 8
_CONNECTIONS = 1000
_MAX_HEADER_BYTES = 32 * 1024
# Answers up to this size are kept in memory until they are sent, larger ones in a temporary file.
_MAX_ANSWER_BYTES = 16 * 1024 * 1024
_IDLE_S = 60
_BEAT_S = 1.0


class WaitressWorker(Worker):
    """Answers requests that come in at the server's socket until it is told to stop."""

    _next_beat = 0.0

    def init_signals(self) -> None:
        """Let Ctrl-C and a closed terminal, of which the arbiter hears as well, stop it as SIGTERM does."""
        super().init_signals()
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.handle_exit)

    def load_wsgi(self) -> None:
        """Make the application. If that fails, another worker tries; a new server ends by a wrong set-up."""
        write_together()
        try:
            super().load_wsgi()
        except AcmeError as error:
            self.log.error("%s [%s] %s", error.message, error.code, error.hint or "")  # noqa: TRY400
            if self.age <= self.cfg.workers:
                sys.exit(Arbiter.APP_LOAD_ERROR)
        except Exception:
            self.log.exception("the application cannot be made")
        else:
            return
        logging.shutdown()
        time.sleep(_BEAT_S)
        sys.exit(1)

    def run(self) -> None:
        """Serve, and end the process when nothing is left to be answered."""
        channels: dict[int, Any] = {}
        server = create_server(
            self.wsgi,
            map=channels,
            sockets=[listener.sock for listener in self.sockets],  # type: ignore[attr-defined]
            threads=_THREADS,
            connection_limit=_CONNECTIONS,
            channel_timeout=_IDLE_S,
            max_request_header_size=_MAX_HEADER_BYTES,
            max_request_body_size=MAX_BODY_BYTES,
            outbuf_overflow=_MAX_ANSWER_BYTES,
            # The application looks at these headers, if there are proxies to trust.
            clear_untrusted_proxy_headers=False,
            ident=None,
        )
        server.channel_class = Channel
        _Wakeup(self.PIPE[0], channels)
        while self.alive and os.getppid() == self.ppid:
            self._turn(channels, _BEAT_S)
        _accept_waiting(server)
        # Not its close(), which would close what the threads wake up the loop with, too.
        wasyncore.dispatcher.close(server)
        self._turn(channels, 0)
        deadline = time.monotonic() + self.cfg.graceful_timeout
        while _close_idle(channels) and time.monotonic() < deadline:
            self._turn(channels, _BEAT_S)
        logging.shutdown()
        # Not sys.exit(), which takes everything apart first, and waits for threads that hang.
        os._exit(0)

    def _turn(self, channels: dict[int, Any], timeout: float) -> None:
        """Wait until something can be read or written, and do that; once a second look after everything."""
        wasyncore.loop(timeout=timeout, use_poll=True, map=channels, count=1)
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + _BEAT_S
        self.notify()
        for channel in _connections(channels):
            channel.close_if_slow()


class _Wakeup(wasyncore.file_dispatcher):  # type: ignore[misc] # it has no stubs
    """The pipe into which a signal writes: it ends the wait of the loop."""

    def writable(self) -> bool:
        return False

    def handle_read(self) -> None:
        self.recv(4096)


def _accept_waiting(server: Any) -> None:
    """Take those in who have connected, and wait to be accepted."""
    for _ in range(_CONNECTIONS):
        if not select.select([server.socket], [], [], 0)[0]:
            return
        server.handle_accept()


def _close_idle(channels: dict[int, Any]) -> bool:
    """Close connections on which nothing is under way; tell whether others are left."""
    for channel in _connections(channels):
        if not channel.is_busy:
            channel.handle_close()
    return bool(_connections(channels))


def _connections(channels: dict[int, Any]) -> list[Channel]:
    return [channel for channel in channels.values() if isinstance(channel, Channel)]
