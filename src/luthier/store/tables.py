"""The tables of the records, as the newest migration leaves them."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

STUDIES = sa.Table(
    "studies",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column(
        "question", sa.Text, nullable=False
    ),  # digest that two runs share exactly when one may continue the other
    sa.Column("created_at", sa.Text, nullable=False),  # ISO 8601, UTC, microseconds: sorts as text
    sa.Column("n_rows", sa.Integer),  # shape of an out-of-fold slab; NULL where a study predicts nothing
    sa.Column("n_outputs", sa.Integer),
    sa.Column("plan", sa.Text, nullable=False),  # JSON
    sa.Index("studies_by_question", "question"),
)

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("study", sa.Text, sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at_utc", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # JSON, byte for byte what was sealed: a JSON type might reorder it
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Index("events_by_kind", "study", "kind"),  # what `runs list` reads, without walking every fold
)

KEPT = sa.Table(
    "kept_objects",
    METADATA,
    sa.Column("study", sa.Text, sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("n_bytes", sa.Integer, nullable=False),
    sa.Index("kept_by_digest", "digest"),  # who else keeps these bytes, when a study is removed
)

MODELS = sa.Table(
    "models",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("created_at", sa.Text, nullable=False),
)

MODEL_EVENTS = sa.Table(
    "model_events",
    METADATA,
    sa.Column("model", sa.Text, sa.ForeignKey("models.name"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at_utc", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
)

RELEASED = sa.Table(
    "released_objects",
    METADATA,
    sa.Column("model", sa.Text, sa.ForeignKey("models.name"), primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("n_bytes", sa.Integer, nullable=False),
    sa.Index("released_by_digest", "digest"),
)
