"""Source to destination: read, stage, publish, checkpoint."""

from acme_sdk.policy import SchemaPolicy
from acme_sdk.sync.backfill import CursorRange
from acme_sdk.sync.engine import sync_stream
from acme_sdk.sync.interval import CommitInterval
from acme_sdk.sync.plan import StreamPlan
from acme_sdk.sync.result import SyncResult
from acme_sdk.sync.state import FileStateStore, StateStore

__all__ = [
    "CommitInterval",
    "CursorRange",
    "FileStateStore",
    "SchemaPolicy",
    "StateStore",
    "StreamPlan",
    "SyncResult",
    "sync_stream",
]
