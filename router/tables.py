"""The tables of the transactional store, as SQLAlchemy Core sees them.

Their history is in ``migrations/``: a change here comes with a migration, and a test holds the two
against each other.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

answers = Table(
    "answers",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("workspace", String(64), nullable=False),
    Column("question", Text, nullable=False),
    Column("status", String(16), nullable=False),  # running, rests, failed, or the answer's own
    Column("error", Text, nullable=False, default=""),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("cost_usd", Float, nullable=False, default=0.0),
    Column("body", Text),  # the answer as JSON, once there is one
    Column("leased_by", String(64), nullable=False, default=""),
    Column("leased_until", Float, nullable=False, default=0.0),  # seconds since 1970
    Index("answers_created", "created"),
)

steps = Table(
    "steps",
    metadata,
    Column("answer", String(32), ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("round", Integer, primary_key=True),  # 0 for the first plan, 1 for the next …
    Column("subtask", String(64), primary_key=True),
    Column("position", Integer, nullable=False),  # in the order steps finished
    Column("specialist", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("body", Text, nullable=False),  # the finding as JSON
)
