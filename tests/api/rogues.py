"""Servers on loopback that do to a client what they please."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

__all__ = ["ROGUES", "Rogue", "rogue"]

Behaviour = Callable[[socket.socket, threading.Event], None]


@dataclass
class Rogue:
    """A server, and who came."""

    port: int
    came: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    #: What the first packets said.
    heard: list[bytes] = field(default_factory=list)


@contextmanager
def rogue(behave: Behaviour, host: str = "127.0.0.1", port: int = 0) -> Iterator[Rogue]:
    """Serve for the time of a ``with`` block: each connection gets a thread that behaves so."""
    over, threads = threading.Event(), []
    with socket.create_server((host, port)) as listener:
        server = Rogue(listener.getsockname()[1])

        def serve(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                server.heard.append(connection.recv(4096))
                server.came.release()
                behave(connection, over)

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                thread = threading.Thread(target=serve, args=(connection,), daemon=True)
                threads.append(thread)
                thread.start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join(10)


def message(kind: bytes, content: bytes) -> bytes:
    """Return a message of Postgres' protocol."""
    return kind + struct.pack(">I", len(content) + 4) + content


def hang(_: socket.socket, over: threading.Event) -> None:
    over.wait()


def drip(connection: socket.socket, over: threading.Event) -> None:
    """Send one byte after the other of a message that is never whole."""
    connection.sendall(b"N")
    for byte in itertools.chain(b"R" + struct.pack(">I", 2000), itertools.repeat(0)):
        if over.wait(0.05):
            return
        connection.sendall(bytes([byte]))


def never_end(connection: socket.socket, over: threading.Event) -> None:
    """Send messages as fast as they are taken."""
    connection.sendall(b"N")
    connection.sendall(message(b"R", struct.pack(">I", 0)))
    notices = message(b"N", b"SNOTICE\x00M" + b"x" * 1000 + b"\x00\x00") * 50
    while not over.is_set():
        connection.sendall(notices)


def announce_too_much(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"N")
    connection.sendall(b"R" + struct.pack(">I", 0x7FFFFFFF) + b"x" * 65536)
    over.wait()


def redirect(connection: socket.socket, _: threading.Event) -> None:
    connection.sendall(
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n"
    )


def speak_ssh(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    over.wait(0.2)


def hang_up(connection: socket.socket, _: threading.Event) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def tell_the_password(connection: socket.socket, _: threading.Event) -> None:
    """Ask for the password in the clear, and put it into the error."""
    connection.sendall(b"N")
    connection.recv(4096)
    connection.sendall(message(b"R", struct.pack(">I", 3)))
    password = connection.recv(4096)[5:].rstrip(b"\x00")
    text = b"\x00M".join([b"SFATAL\x00C28P01", b"no\r\nSet-Cookie: \x1b[31m" + password + b"x" * 5000])
    connection.sendall(message(b"E", text + b"\x00\x00"))


ROGUES: dict[str, Behaviour] = {
    "hangs": hang,
    "drips": drip,
    "never ends": never_end,
    "announces 2 GiB": announce_too_much,
    "redirects": redirect,
    "speaks SSH": speak_ssh,
    "hangs up": hang_up,
    "tells the password": tell_the_password,
}
