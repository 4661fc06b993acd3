"""The registry's tables: what is registered, and every change of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

__all__ = ["changes", "entries", "metadata"]


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

#: Who did what, when; never changed. Its highest ``id`` is the registry's revision.
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
    sqlite_autoincrement=True,
)
