"""It stores a state, and takes None for nothing to store.

Caught by: destination.state
"""

import tempfile
from pathlib import Path

from acme_sdk.connectors.duckdb import DuckDBDestination


class StateCannotBeRemoved(DuckDBDestination):
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

    def replace_state(self, plan, state):
        if state is not None:
            super().replace_state(plan, state)
