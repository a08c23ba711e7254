"""The limit of votes holds for all copies together."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    """Make the table of who voted in the last hour."""
    op.create_table(
        "voters",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
    )
    op.create_index("ix_voters_digest_at", "voters", ["digest", "at"], unique=False)
