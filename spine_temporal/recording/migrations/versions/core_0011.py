"""Deadlines, and how partitions stand to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "core_0011"
down_revision = "core_0010"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "core_deadlines",
        sa.Column("deadline", sa.Text, primary_key=True),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("watched_from", _TIME, nullable=False),
        sa.Column("judged_until", _TIME, nullable=False),
    )
    op.create_table(
        "core_lateness",
        sa.Column("deadline", sa.Text, nullable=False),
        sa.Column("partition_key", JSONB, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("completed_at", _TIME),
        sa.PrimaryKeyConstraint("deadline", "partition_key", "due_at"),
    )
    op.create_index("core_lateness_due_at", "core_lateness", ["due_at"])
    op.create_index(
        "core_lateness_late", "core_lateness", ["deadline"], postgresql_where=sa.text("state = 'late'::text")
    )
    op.execute("INSERT INTO core_schema_floors VALUES ('core_0011', 'core_0009')")


def downgrade() -> None:
    op.execute("DELETE FROM core_schema_floors WHERE revision = 'core_0011'")
    op.drop_table("core_lateness")
    op.drop_table("core_deadlines")
