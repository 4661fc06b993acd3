"""A destination that has one write mode, a schema and a health check."""

from acme.sdk import DestinationConnector, WriteMode


class AppendOnly(DestinationConnector):
    write_modes = frozenset({WriteMode.APPEND})

    @classmethod
    def config_schema(cls):
        return {
            "endpoint": {"type": "string", "required": True},
            "batch_size": {"type": "integer", "default": 2},
        }

    def setup(self, config):
        self.config = config

    def load(self, rows, write_mode):
        if write_mode is not WriteMode.APPEND:
            raise ValueError(f"{write_mode} was not declared")
        size, written = self.config["batch_size"], 0
        for start in range(0, len(rows), size):
            batch = {"data": rows[start : start + size], "mode": "append"}
            response = self.http.post(self.config["endpoint"], json=batch)
            response.raise_for_status()
            written += response.json()["rows_written"]
        return written

    def health_check(self):
        return self.http.get(self.config["endpoint"].replace("/load", "/health")).ok
