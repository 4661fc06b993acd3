"""Its lock is a file that the run removes at its end, so that a run that was killed keeps it for ever.

Caught by: destination.exclusive
"""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

from acme.sdk import RetriableError, StagedDestination


class LockOutlivesItsProcess(StagedDestination):
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

    def open_load(self, plan):
        raise NotImplementedError

    def finish_refresh(self, plan, state):
        raise NotImplementedError

    def state(self, pipeline, stream):
        return None
