"""It reads columns instead of rows."""

import pyarrow as pa

from acme.sdk import BatchSource, Stream


class Columns(BatchSource):
    schema = pa.schema({"id": pa.int64(), "at": pa.timestamp("us", "UTC")})

    def streams(self):
        return [Stream("numbers", self.schema, primary_key=("id",)), Stream("others", self.schema)]

    def extract_batches(self, stream, resume_from=None):
        for start in range(0, 5000, 1000):
            ids = list(range(start, start + 1000))
            yield pa.record_batch(
                [pa.array(ids), pa.array(ids, pa.int64()).cast(pa.timestamp("us", "UTC"))], schema=self.schema
            )
