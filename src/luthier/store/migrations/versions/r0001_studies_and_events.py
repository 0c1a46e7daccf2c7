"""Studies, their append-only events, and the objects kept for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from luthier.store import postgresql, sqlite

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "studies",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("n_rows", sa.Integer),
        sa.Column("n_outputs", sa.Integer),
        sa.Column("plan", sa.Text, nullable=False),
    )
    op.create_index("studies_by_question", "studies", ["question"])
    op.create_table(
        "events",
        sa.Column("study", sa.Text, sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at_utc", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
    op.create_index("events_by_kind", "events", ["study", "kind"])
    op.create_table(
        "kept_objects",
        sa.Column("study", sa.Text, sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("n_bytes", sa.Integer, nullable=False),
    )
    op.create_index("kept_by_digest", "kept_objects", ["digest"])
    database = sqlite if op.get_bind().dialect.name == "sqlite" else postgresql
    for guard in database.APPEND_ONLY:
        op.execute(guard)


def downgrade() -> None:
    """There is nothing before the first step."""
    raise NotImplementedError("a store is never taken back to an older form: restore a copy instead")
