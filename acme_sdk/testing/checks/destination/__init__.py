"""Does load() write what it is given, and say so truly?"""

from __future__ import annotations

from acme_sdk.testing.checks.destination import answers, batches, modes, streams, values

__all__ = ["answers", "batches", "modes", "streams", "values"]
