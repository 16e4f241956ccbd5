"""Runs wait for a partition that is held, in the order in which they came."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "core_0006"
down_revision = "core_0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "core_queue",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True)),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("partition_key", JSONB, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("workflow_id", sa.Text, nullable=False),
        sa.Column("first_run_id", sa.Text, nullable=False),
        sa.Column("temporal", sa.Text, nullable=False),
        sa.Column("on_busy", sa.Text, nullable=False),
        sa.Column("waits_for", sa.Text, nullable=False),
        sa.Column("queued_at", _TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("asks_again_at", _TIME, nullable=False),
        sa.Column("superseded_by", sa.Text),
        sa.PrimaryKeyConstraint("position", name="core_queue_pkey"),
    )
    op.create_index("core_queue_run_id", "core_queue", ["run_id"], unique=True)
    op.create_index("core_queue_domain_partition_key", "core_queue", ["domain", "partition_key"])
    op.execute("INSERT INTO core_schema_floors VALUES ('core_0006', 'core_0004')")


def downgrade() -> None:
    op.execute("DELETE FROM core_schema_floors WHERE revision = 'core_0006'")
    op.drop_table("core_queue")
