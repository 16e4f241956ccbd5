"""Anomalies have a life; a run may resume another; big payloads are kept beside the runs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "core_0002"
down_revision = "core_0001"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _anomalies()
    op.add_column("core_runs", sa.Column("temporal", sa.Text))
    op.add_column("core_runs", sa.Column("resumed_from", sa.Text))
    op.add_column("core_runs", sa.Column("correction", JSONB))
    op.add_column("core_runs", sa.Column("resume_request", JSONB))
    op.create_index(
        "core_runs_running", "core_runs", ["started_at"], postgresql_where=sa.text("status = 'RUNNING'::text")
    )
    op.create_table(
        "core_payloads",
        sa.Column("payload_id", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("stored_at", _TIME, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("payload_id", name="core_payloads_pkey"),
    )
    op.create_index("core_payloads_stored_at", "core_payloads", ["stored_at"])


def downgrade() -> None:
    op.drop_table("core_payloads")
    op.drop_index("core_runs_running", "core_runs")
    for column in ("temporal", "resumed_from", "correction", "resume_request"):
        op.drop_column("core_runs", column)
    for index in ("core_anomalies_fault_id", "core_anomalies_open_fault"):
        op.drop_index(index, "core_anomalies")
    for column in ("fault_id", "occurrences", "last_seen_at", "acknowledged_at", "acknowledged_by", "resolved_by"):
        op.drop_column("core_anomalies", column)


def _anomalies() -> None:
    op.add_column("core_anomalies", sa.Column("fault_id", sa.Uuid))
    op.add_column("core_anomalies", sa.Column("occurrences", sa.Integer, nullable=False, server_default="1"))
    op.add_column("core_anomalies", sa.Column("last_seen_at", _TIME, nullable=False, server_default=sa.func.now()))
    op.add_column("core_anomalies", sa.Column("acknowledged_at", _TIME))
    op.add_column("core_anomalies", sa.Column("acknowledged_by", sa.Text))
    op.add_column("core_anomalies", sa.Column("resolved_by", sa.Text))
    op.execute("UPDATE core_anomalies SET last_seen_at = detected_at")
    op.create_index("core_anomalies_fault_id", "core_anomalies", ["fault_id"])
    op.create_index(
        "core_anomalies_open_fault",
        "core_anomalies",
        ["fault_id"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
