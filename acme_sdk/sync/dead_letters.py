"""Records that were put aside: a file of JSON lines for each run of a stream."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import IO, Any
from urllib.parse import quote

from acme_sdk.connector import Connector
from acme_sdk.errors import FatalError

__all__ = ["DeadLetters", "plain"]

_MAX_NAME = 100


class DeadLetters:
    """Takes the records that connectors reject, and those that a schema policy discards.

    Each line of the file has ``at``, ``pipeline``, ``stream``, ``reason`` and ``row``. It is made with the
    first record, readable for its owner alone. Several threads may put records aside.

    Attributes:
        count: How many records were put aside.
        path: The file; it exists if there are any.

    Args:
        folder: The folder of all pipelines' files.
        pipeline: The pipeline's public name.
        stream: The stream's name.
        run_id: The run, which names the file.
        limit: How many records connectors may reject: a number, a share of those read (a float), or ``None``
            for any number.
        redact: Removes secrets from JSON-like values.
    """

    def __init__(
        self,
        folder: Path,
        pipeline: str,
        stream: str,
        run_id: str,
        limit: int | float | None,
        redact: Callable[[Any], Any],
    ) -> None:
        self.count = 0
        self.path = folder / _file_name(pipeline) / _file_name(stream) / f"{_file_name(run_id)}.jsonl"
        self._pipeline = pipeline
        self._stream = stream
        self._limit = limit
        self._redact = redact
        self._rejected = 0
        self._last_reason = ""
        self._file: IO[str] | None = None
        self._lock = Lock()

    @contextmanager
    def receiving(self, *connectors: Connector) -> Iterator[None]:
        """Take what connectors reject, for the time of a ``with`` block; the file is closed after it."""
        before = [connector._on_reject for connector in connectors]
        for connector in connectors:
            connector._on_reject = self.reject
        try:
            yield
        finally:
            for connector, taker in zip(connectors, before, strict=True):
                connector._on_reject = taker
            if self._file is not None:
                self._file.close()

    def reject(self, row: Mapping[str, Any], reason: str) -> None:
        """Put a record aside that a connector cannot read or load.

        Raises:
            FatalError: There are too many (code ``rejected.too_many``).
        """
        with self._lock:
            self._rejected += 1
            self._last_reason = self._redact(str(reason))
        self.discard(row, reason)
        self.check()

    def discard(self, row: Mapping[str, Any], reason: str) -> None:
        """Put a record aside that counts against no limit."""
        letter = {
            "at": datetime.now(UTC).isoformat(),
            "pipeline": self._pipeline,
            "stream": self._stream,
            "reason": str(reason),
            "row": plain(row),
        }
        line = json.dumps(self._redact(letter), ensure_ascii=False)
        with self._lock:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                self._file = os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")
            self._file.write(line + "\n")
            self._file.flush()
            self.count += 1

    def check(self, rows: int | None = None) -> None:
        """Stop the sync if too many records were rejected.

        Args:
            rows: How many were read and not rejected; without it, only a limit that is a number counts.

        Raises:
            FatalError: There are too many (code ``rejected.too_many``).
        """
        if self._limit is None or not self._rejected:
            return
        if isinstance(self._limit, float):
            if rows is None or self._rejected <= self._limit * (rows + self._rejected):
                return
            allowed = f"{self._limit:.2%} of the records"
        elif self._rejected > self._limit:
            allowed = str(self._limit)
        else:
            return
        raise FatalError(
            f"stream {self._stream!r}: {self._rejected} records were rejected, and max_rejected allows"
            f" {allowed}; the last one: {self._last_reason}",
            code="rejected.too_many",
            hint=f"see {self.path}; correct the records, or raise max_rejected of the pipeline",
        )


def plain(value: Any) -> Any:
    """Return a value as JSON has it; what it has no type for becomes text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)


def _file_name(name: str) -> str:
    """A name that is one part of a path, whatever is in it."""
    quoted = quote(name, safe="").replace(".", "%2E")
    if len(quoted) <= _MAX_NAME:
        return quoted
    return f"{quoted[:_MAX_NAME]}@{blake2b(quoted.encode(), digest_size=8).hexdigest()}"
