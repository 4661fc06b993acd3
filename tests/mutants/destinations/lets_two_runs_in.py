"""Its lock is of the object, so that another run has one of its own.

Caught by: destination.exclusive
"""

import tempfile
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from acme_sdk.connectors.duckdb import DuckDBDestination


class LetsTwoRunsIn(DuckDBDestination):
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

    def setup(self, config):
        super().setup(config)
        self.lock = Lock()

    @contextmanager
    def exclusive(self, pipeline, stream, run_id):
        with self.lock:
            yield
