"""The server that all connectors ask: it answers after 200 ms, or never, and writes down who asked when."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from types import TracebackType

__all__ = ["LATENCY_S", "Server"]

LATENCY_S = 0.2


class Server:
    """A TCP server in a thread of its own.

    A question is one line: ``ok NAME`` is answered ``yes``, ``fail NAME`` ``no``, and ``hang NAME`` never.

    Attributes:
        asked: When each connector asked, in seconds since the epoch.
        open: How many connections are open.
    """

    def __init__(self) -> None:
        self.asked: dict[str, list[float]] = defaultdict(list)
        self.open = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=1024)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            line = (await reader.readline()).decode().split()
            if len(line) != 2:
                return
            order, name = line
            self.asked[name].append(time.time())
            if order == "hang":
                await reader.read()  # until the other side is gone
                return
            await asyncio.sleep(LATENCY_S)
            writer.write(b"yes" if order == "ok" else b"no")
            await writer.drain()
        except ConnectionError:
            pass  # the other side was killed
        finally:
            self.open -= 1
            writer.close()
