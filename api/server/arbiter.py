"""The process that holds the server's socket, and starts, watches and stops the workers."""

from __future__ import annotations

import gc
import logging
import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.glogging import Logger

from api.probing.sandbox import remove_homes
from api.quotas.shared import SharedMemory
from api.server.worker import WaitressWorker

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from gunicorn.config import Config
    from gunicorn.workers.base import Worker

__all__ = ["serve"]

# Until when a request is answered after the server was told to stop.
_STOP_S = 30
# More than the connections of a worker, which are as many as some systems allow by default.
_FILES = 4096
# In memory: the disk must not hold up what says that a worker is alive.
_HEARTBEATS = Path("/dev/shm")  # noqa: S108 - files without a name


def serve(make_app: Callable[[], WSGIApplication], listener: socket.socket, *, workers: int) -> None:
    """Serve an application until SIGTERM, SIGINT or SIGHUP; what is being answered then is finished.

    Args:
        make_app: Makes the application, in each worker: it opens connections and starts threads of its own.
        listener: Where requests come in; it is the server's from now on.
        workers: How many processes answer requests. One that ends is replaced.

    Raises:
        SystemExit: The server has ended; with 0, as it was told to.
    """
    _allow_files(_FILES)
    # What was imported is not looked through for garbage, so that the workers go on to share its memory.
    gc.freeze()
    _Arbiter(_Application(make_app, listener.detach(), workers)).run()


def _allow_files(number: int) -> None:
    """Let this process, and those that it starts, have so many files and connections open, if it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Application(BaseApplication):
    """What gunicorn asks for settings, and for the application."""

    def __init__(self, make_app: Callable[[], WSGIApplication], listener: int, workers: int) -> None:
        self._make_app = make_app
        self._making = SharedMemory(1)
        self._settings: dict[str, Any] = {
            "bind": f"fd://{listener}",
            "workers": workers,
            "worker_class": WaitressWorker,
            "worker_tmp_dir": str(_HEARTBEATS) if _HEARTBEATS.is_dir() else None,
            "logger_class": _Log,
            "graceful_timeout": _STOP_S,
            "child_exit": _tidy_up,
            "control_socket_disable": True,
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:  # type: ignore[override] # whose environment is any mapping there
        # One after the other: two that open a new Dagster instance at a time both make its tables.
        with self._making:
            return self._make_app()


class _Arbiter(Arbiter):
    """Stops by Ctrl-C and by a closed terminal as by SIGTERM; a second Ctrl-C ends it at once."""

    # Others, by which gunicorn loads itself anew, have no use here.
    SIGNALS = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM]

    handle_hup = handle_int = Arbiter.handle_term
    _is_halting = False

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        self._is_halting = True
        super().halt(reason, min(exit_status, 1))

    def reap_workers(self) -> None:
        try:
            super().reap_workers()
        except HaltServer:  # a worker could not begin; one says it for all
            if not self._is_halting:
                raise


class _Log(Logger):
    """Lets the lines of the arbiter go where all others do."""

    def setup(self, cfg: Config) -> None:
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logging.INFO)


def _tidy_up(_: Arbiter, worker: Worker) -> None:
    remove_homes(int(worker.pid))
