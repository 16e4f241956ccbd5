"""What gates and pipelines measure of their data is kept; lists show what is newest, however many rows there are."""

import sqlalchemy as sa
from alembic import op

revision = "core_0003"
down_revision = "core_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "core_quality",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("check_name", sa.Text, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("threshold", sa.Float),
        sa.Column("passed", sa.Boolean),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("run_id", "step", "round", "check_name", name="core_quality_pkey"),
    )
    op.create_index("core_quality_measured_at", "core_quality", ["measured_at"])
    op.create_index("core_manifest_updated_at", "core_manifest", ["updated_at"])
    op.create_index("core_anomalies_last_seen_at", "core_anomalies", ["last_seen_at"])
    op.create_index(
        "core_anomalies_open", "core_anomalies", ["last_seen_at"], postgresql_where=sa.text("resolved_at IS NULL")
    )


def downgrade() -> None:
    op.drop_index("core_anomalies_open", "core_anomalies")
    op.drop_index("core_anomalies_last_seen_at", "core_anomalies")
    op.drop_index("core_manifest_updated_at", "core_manifest")
    op.drop_table("core_quality")
