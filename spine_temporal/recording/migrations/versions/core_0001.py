"""The core tables: manifest, anomalies, ledger, partitions, rejects, runs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BIGINT, JSONB

revision = "core_0001"
down_revision = None
branch_labels = ("core",)
depends_on = None

_TIME = sa.DateTime(timezone=True)
_EMPTY = sa.text("'{}'::jsonb")


def upgrade() -> None:
    _manifest_and_anomalies()
    _executions()
    _partitions_and_rejects()
    _runs()


def downgrade() -> None:
    for table in ("runs", "rejects", "partitions", "executions", "anomalies", "manifest"):
        op.drop_table(f"core_{table}")


def _manifest_and_anomalies() -> None:
    op.create_table(
        "core_manifest",
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("partition_key", JSONB, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("stage_rank", sa.Integer, nullable=False),
        sa.Column("row_count", BIGINT),
        sa.Column("metrics", JSONB, nullable=False, server_default=_EMPTY),
        sa.Column("execution_id", sa.Text),
        sa.Column("batch_id", sa.Text),
        sa.Column("updated_at", _TIME, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("domain", "partition_key", "stage", name="core_manifest_pkey"),
    )
    op.create_table(
        "core_anomalies",
        sa.Column("anomaly_id", sa.Uuid, nullable=False),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("partition_key", JSONB, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("detected_at", _TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("metadata", JSONB, nullable=False, server_default=_EMPTY),
        sa.Column("resolved_at", _TIME),
        sa.Column("resolution", sa.Text),
        sa.PrimaryKeyConstraint("anomaly_id", name="core_anomalies_pkey"),
    )
    op.create_index("core_anomalies_domain_partition_key", "core_anomalies", ["domain", "partition_key"])
    op.create_index("core_anomalies_detected_at", "core_anomalies", ["detected_at"])


def _executions() -> None:
    op.create_table(
        "core_executions",
        sa.Column("execution_id", sa.Uuid, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("pipeline", sa.Text, nullable=False),
        sa.Column("params", JSONB, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("completed_at", _TIME),
        sa.Column("row_count", BIGINT),
        sa.Column("output", JSONB),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("execution_id", name="core_executions_pkey"),
    )
    op.create_index("core_executions_run_id", "core_executions", ["run_id"])


def _partitions_and_rejects() -> None:
    op.create_table(
        "core_partitions",
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("partition_key", JSONB, nullable=False),
        sa.Column("workflow_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("claimed_at", _TIME, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("domain", "partition_key", name="core_partitions_pkey"),
    )
    op.create_table(
        "core_rejects",
        sa.Column("reject_id", BIGINT, sa.Identity(always=True), nullable=False),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("partition_key", JSONB, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("execution_id", sa.Text),
        sa.Column("reason_code", sa.Text, nullable=False),
        sa.Column("detail", sa.Text),
        sa.Column("raw_text", sa.Text),
        sa.Column("rejected_at", _TIME, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("reject_id", name="core_rejects_pkey"),
    )
    op.create_index("core_rejects_domain_partition_key", "core_rejects", ["domain", "partition_key"])


def _runs() -> None:
    op.create_table(
        "core_runs",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("workflow_id", sa.Text, nullable=False),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("partition_key", JSONB, nullable=False),
        sa.Column("params", JSONB, nullable=False),
        sa.Column("plan", JSONB, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("completed_at", _TIME),
        sa.Column("result", JSONB),
        sa.PrimaryKeyConstraint("run_id", name="core_runs_pkey"),
    )
    op.create_index("core_runs_workflow_id", "core_runs", ["workflow_id"])
    op.create_index("core_runs_domain_partition_key", "core_runs", ["domain", "partition_key"])
