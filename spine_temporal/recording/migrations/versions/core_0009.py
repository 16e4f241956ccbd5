"""Backfills, and how each of their partitions stands."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "core_0009"
down_revision = "core_0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "core_backfills",
        sa.Column("backfill_id", sa.Text, primary_key=True),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("over", JSONB, nullable=False),
        sa.Column("params", JSONB, nullable=False),
        sa.Column("reprocess", sa.Text, nullable=False),
        sa.Column("max_parallel", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("task_queue", sa.Text, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("told", sa.Text),
        sa.Column("created_at", _TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("completed_at", _TIME),
    )
    op.create_index("core_backfills_created_at", "core_backfills", ["created_at"])
    op.create_table(
        "core_backfill_partitions",
        sa.Column("backfill_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("params", JSONB, nullable=False),
        sa.Column("partition_key", JSONB),
        sa.Column("workflow_id", sa.Text),
        sa.Column("not_before", sa.Date),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("category", sa.Text),
        sa.Column("resumes", sa.Text),
        sa.Column("run_id", sa.Text),
        sa.Column("turn", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("started_at", _TIME),
        sa.Column("ended_at", _TIME),
        sa.PrimaryKeyConstraint("backfill_id", "position"),
    )
    op.create_index(
        "core_backfill_partitions_backfill_id_status_position",
        "core_backfill_partitions",
        ["backfill_id", "status", "position"],
    )
    op.execute("INSERT INTO core_schema_floors VALUES ('core_0009', 'core_0006')")


def downgrade() -> None:
    op.execute("DELETE FROM core_schema_floors WHERE revision = 'core_0009'")
    op.drop_table("core_backfill_partitions")
    op.drop_table("core_backfills")
