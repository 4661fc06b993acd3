"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "acme_entries",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("dagster_name", sa.String(63), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("version", _NUMBER, nullable=False),
        sa.Column("registered_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.UniqueConstraint("kind", "dagster_name", name="acme_entries_dagster_name"),
    )
    op.create_table(
        "acme_changes",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
        sqlite_autoincrement=True,
    )
    op.create_index("acme_changes_entry", "acme_changes", ["kind", "name"])
