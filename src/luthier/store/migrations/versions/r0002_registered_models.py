"""Registered models, their append-only events, and the objects their releases consist of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from luthier.store import postgresql, sqlite

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "models",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("created_at", sa.Text, nullable=False),
    )
    op.create_table(
        "model_events",
        sa.Column("model", sa.Text, sa.ForeignKey("models.name"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at_utc", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
    op.create_table(
        "released_objects",
        sa.Column("model", sa.Text, sa.ForeignKey("models.name"), primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("n_bytes", sa.Integer, nullable=False),
    )
    op.create_index("released_by_digest", "released_objects", ["digest"])
    database = sqlite if op.get_bind().dialect.name == "sqlite" else postgresql
    for guard in database.MODEL_EVENTS_APPEND_ONLY:
        op.execute(guard)


def downgrade() -> None:
    """Refuse, as every step of a store does."""
    raise NotImplementedError("a store is never taken back to an older form: restore a copy instead")
