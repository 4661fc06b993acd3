"""It appends lines of JSON to a file of its own."""

import json
import tempfile

from acme.sdk import DestinationConnector, WriteMode


class WritesAFile(DestinationConnector):
    write_modes = frozenset({WriteMode.APPEND})

    def setup(self, config):
        self.file = tempfile.TemporaryFile("a", encoding="utf-8")  # noqa: SIM115 - teardown() closes it

    def teardown(self):
        self.file.close()

    def health_check(self):
        return not self.file.closed

    def load(self, rows, write_mode):
        for row in rows:
            self.file.write(json.dumps(row, default=str) + "\n")
        self.file.flush()
        return len(rows)
