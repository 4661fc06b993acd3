"""It splits what it is given into small requests, and only the first one overwrites."""

from acme.sdk import DestinationConnector, WriteMode


class SplitsBatches(DestinationConnector):
    @classmethod
    def config_schema(cls):
        return {
            "endpoint": {"type": "string", "required": True},
            "batch_size": {"type": "integer", "default": 2, "minimum": 1},
        }

    def setup(self, config):
        self.endpoint = config["endpoint"]
        self.size = config["batch_size"]

    def health_check(self):
        return self.http.get(self.endpoint.replace("/load", "/health")).ok

    def load(self, rows, write_mode):
        written = 0
        for start in range(0, len(rows), self.size):
            batch = [row.to_dict() for row in rows[start : start + self.size]]
            response = self.http.post(self.endpoint, json={"data": batch, "mode": write_mode.value})
            response.raise_for_status()
            written += response.json()["rows_written"]
            if write_mode is WriteMode.OVERWRITE:
                write_mode = WriteMode.APPEND
        return written
