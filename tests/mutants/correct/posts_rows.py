"""It posts each batch as it is."""

from acme.sdk import DestinationConnector


class PostsRows(DestinationConnector):
    def setup(self, config):
        self.endpoint = config["endpoint"]

    def load(self, rows, write_mode):
        if not rows:
            return 0
        answer = self.http.post(self.endpoint, json={"data": rows, "mode": write_mode.value})
        return answer.json()["rows_written"]
