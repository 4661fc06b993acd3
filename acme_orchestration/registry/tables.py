"""The registry's tables: what is registered, who did what, the API's keys and answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

__all__ = ["answers", "api_keys", "changes", "entries", "metadata"]


class _UtcDateTime(sa.TypeDecorator[datetime]):
    """Aware times in UTC; SQLite would give them back without a time zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


_JSON: sa.JSON[Any] = sa.JSON(none_as_null=True)
# SQLite counts up by itself only what it calls INTEGER.
_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")

metadata = sa.MetaData()

#: The connectors and pipelines as they are. ``version`` is the ``id`` of the last change of the row.
entries = sa.Table(
    "acme_entries",
    metadata,
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("dagster_name", sa.String(63), nullable=False),
    sa.Column("body", _JSON, nullable=False),
    sa.Column("version", _Number, nullable=False),
    sa.Column("registered_at", _UtcDateTime, nullable=False),
    sa.Column("changed_at", _UtcDateTime, nullable=False),
    sa.UniqueConstraint("kind", "dagster_name", name="acme_entries_dagster_name"),
)

#: Who did what, when; never changed. The highest ``id`` of what changed entries is the registry's revision.
changes = sa.Table(
    "acme_changes",
    metadata,
    sa.Column("id", _Number, primary_key=True, autoincrement=True),
    sa.Column("at", _UtcDateTime, nullable=False),
    sa.Column("actor", sa.String(255), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("name", sa.String(63), nullable=False),
    sa.Column("before", _JSON),
    sa.Column("after", _JSON),
    sa.Index("acme_changes_entry", "kind", "name"),
    sa.Index("acme_changes_action", "action", "id"),
    sqlite_autoincrement=True,
)

#: The keys of the HTTP API, without what they consist of. A revoked one stays: the trail names it.
api_keys = sa.Table(
    "acme_api_keys",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(63), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("scopes", _JSON, nullable=False),
    sa.Column("created_at", _UtcDateTime, nullable=False),
    sa.Column("revoked_at", _UtcDateTime),
    sa.UniqueConstraint("name", name="acme_api_keys_name"),
)

#: What the API answered to requests that may be sent once more; ``answer`` is missing while it is at work.
answers = sa.Table(
    "acme_api_answers",
    metadata,
    sa.Column("caller", sa.String(63), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("request", sa.String(64), nullable=False),
    sa.Column("at", _UtcDateTime, nullable=False),
    sa.Column("answer", _JSON),
)
