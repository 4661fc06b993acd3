"""A process that takes a stream to itself until it is killed; run as ``python -m acme_sdk.testing.holder``.

Reads one JSON document from standard input: the connector's ``file`` and ``config``, and which ``pipeline``
and ``stream``. Writes a line when it has the stream.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["held_by_a_process"]

_HELD = b"held\n"


@contextmanager
def held_by_a_process(
    file: Path, config: Mapping[str, Any], pipeline: str, stream: str
) -> Iterator[subprocess.Popen[bytes] | None]:
    """Yield a process that holds a stream, or ``None`` if it did not get it; it is killed at the end.

    Args:
        file: The file of the destination.
        config: Its configuration as the user wrote it.
        pipeline: The pipeline.
        stream: Its stream.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "acme_sdk.testing.holder"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdin is not None  # noqa: S101 - a pipe
        assert process.stdout is not None  # noqa: S101 - as above
        order = {"file": str(file), "config": dict(config), "pipeline": pipeline, "stream": stream}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        yield process if process.stdout.readline() == _HELD else None
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    """Do what standard input says."""
    from acme_sdk.lifecycle import open_connector
    from acme_sdk.plugins import load_file

    order = json.loads(sys.stdin.readline())
    kind: Any = load_file(Path(order["file"]))["destination"]
    with (
        open_connector(kind, order["config"]) as destination,
        destination.exclusive(order["pipeline"], order["stream"], "acme test-connector"),
    ):
        sys.stdout.buffer.write(_HELD)
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    main()
