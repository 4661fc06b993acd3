"""What this process holds: threads, child processes, sockets, open files, temporary files."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

__all__ = ["take"]


def take() -> frozenset[str]:
    """Return a description of each thing that this process holds; equal things have equal descriptions."""
    import psutil  # few checks need it, and the command is to start at once

    process = psutil.Process()
    held = {f"thread {thread.name!r} (#{thread.ident})" for thread in threading.enumerate()}
    for child in process.children(recursive=True):
        try:
            if child.status() != psutil.STATUS_ZOMBIE:
                held.add(f"process {child.name()} (#{child.pid})")
        except psutil.NoSuchProcess:
            continue
    for connection in process.net_connections(kind="all"):
        peer = connection.raddr or connection.laddr
        where = (
            f"{peer[0]}:{peer[1]}"
            if isinstance(peer, tuple) and len(peer) == 2
            else str(peer or "no address")
        )
        held.add(f"socket to {where} (fd {connection.fd}, local {connection.laddr})")
    held |= {f"open file {file.path} (fd {file.fd})" for file in process.open_files()}
    held |= set(_unnamed_files())
    # The worker's folder for temporary files is its own.
    held |= {f"temporary file {path}" for path in Path(tempfile.gettempdir()).iterdir()}
    return frozenset(held)


def _unnamed_files() -> Iterator[str]:
    """Yield the open files without a name, where the system tells of them."""
    for descriptor in Path("/proc/self/fd").glob("*"):
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue  # the descriptor of this listing
        if target.startswith("/") and target.endswith(" (deleted)"):
            yield f"open file without a name, {target.removesuffix(' (deleted)')} (fd {descriptor.name})"
