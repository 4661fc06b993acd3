"""Its lock is a file that the run removes at its end, so that a run that was killed keeps it for ever.

Caught by: destination.exclusive
"""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

from acme.sdk import RetriableError
from acme_sdk.connectors.duckdb import DuckDBDestination


class LockOutlivesItsProcess(DuckDBDestination):
    @classmethod
    def config_schema(cls):
        file = str(Path(tempfile.gettempdir(), "people.duckdb"))
        return {
            **super().config_schema(),
            "endpoint": {"type": "string"},
            "path": {"type": "string", "default": file},
            "table": {"type": "string", "default": "people"},
            "primary_key": {"type": "array", "default": ["id"]},
        }

    @contextmanager
    def exclusive(self, pipeline, stream, run_id):
        path = Path(tempfile.gettempdir(), f"{pipeline}-{stream}.pid")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            raise RetriableError(f"{stream} is in use", code="pipeline.busy") from None
        try:
            yield
        finally:
            path.unlink()
