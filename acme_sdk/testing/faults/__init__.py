"""A server on loopback between ``self.http`` and its target, which gives wrong answers when told to."""

from __future__ import annotations

from acme_sdk.testing.faults.answers import Answer, Manner, cut_in_half, decoded, unchanged
from acme_sdk.testing.faults.fault import OUT_OF_ORDER, Fault, Replay
from acme_sdk.testing.faults.server import FaultServer, Request

__all__ = [
    "OUT_OF_ORDER",
    "Answer",
    "Fault",
    "FaultServer",
    "Manner",
    "Replay",
    "Request",
    "cut_in_half",
    "decoded",
    "unchanged",
]
