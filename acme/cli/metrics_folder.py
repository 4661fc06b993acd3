"""Where the workers of the API put their counts for Prometheus, for each to give those of all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["metrics_folder"]

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# In memory: counting must not fail because a disk is full.
_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder there is ours alone


@contextmanager
def metrics_folder() -> Iterator[None]:
    """Have a folder for a ``with`` block, in which Prometheus' library is imported; a given one stays."""
    if _VARIABLE in os.environ:
        yield
        return
    owner = os.getpid()
    folder = tempfile.mkdtemp(
        prefix=f"acme-metrics-{owner}-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None
    )
    os.environ[_VARIABLE] = folder
    try:
        yield
    finally:
        # The workers, which are forked off in the block, end before it does.
        if os.getpid() == owner:
            del os.environ[_VARIABLE]
            shutil.rmtree(folder, ignore_errors=True)
