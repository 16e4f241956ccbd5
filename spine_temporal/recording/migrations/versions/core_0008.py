"""Limits by key over all workers, and who uses or awaits their sources."""

import sqlalchemy as sa
from alembic import op

revision = "core_0008"
down_revision = "core_0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "core_limits",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("concurrency", sa.Integer),
        sa.Column("per_second", sa.Float),
        sa.Column("next_at", _TIME),
        sa.Column("closed_until", _TIME),
        sa.Column("closed_by", sa.Text),
        sa.Column("closed_reason", sa.Text),
        sa.Column("asked_at", _TIME, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("key", name="core_limits_pkey"),
    )
    op.create_table(
        "core_leases",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("execution_id", sa.Uuid, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("starts_at", _TIME),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", "execution_id", name="core_leases_pkey"),
    )
    op.execute("INSERT INTO core_schema_floors VALUES ('core_0008', 'core_0006')")


def downgrade() -> None:
    op.execute("DELETE FROM core_schema_floors WHERE revision = 'core_0008'")
    op.drop_table("core_leases")
    op.drop_table("core_limits")
