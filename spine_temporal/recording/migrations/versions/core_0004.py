"""Partitions have epochs; runs that go on from each other have a lineage; what operators do is kept."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "core_0004"
down_revision = "core_0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def _epoch() -> sa.Column[int]:
    return sa.Column("epoch", sa.BigInteger, nullable=False, server_default=sa.text("0"))


# A run that was resumed belongs to the lineage of the first one.
_LINEAGES = """
    WITH RECURSIVE chain AS (
        SELECT run_id, run_id AS lineage_id FROM core_runs WHERE resumed_from IS NULL
        UNION ALL
        SELECT runs.run_id, chain.lineage_id FROM core_runs AS runs JOIN chain ON runs.resumed_from = chain.run_id
    )
    UPDATE core_runs SET lineage_id = chain.lineage_id FROM chain WHERE chain.run_id = core_runs.run_id
"""


def upgrade() -> None:
    op.alter_column("core_partitions", "run_id", nullable=True)
    op.add_column("core_partitions", sa.Column("execution_run_id", sa.Text))
    op.add_column("core_partitions", _epoch())
    op.add_column("core_executions", sa.Column("traceback", sa.Text))
    op.add_column("core_executions", sa.Column("lost", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("core_executions", _epoch())
    op.add_column("core_executions", sa.Column("round", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.create_index("core_executions_run_id_step", "core_executions", ["run_id", "step"])
    op.drop_index("core_executions_run_id", "core_executions")
    op.add_column("core_runs", sa.Column("lineage_id", sa.Text, nullable=False, server_default=sa.text("''::text")))
    op.add_column("core_runs", sa.Column("first_run_id", sa.Text))
    op.add_column("core_runs", sa.Column("execution_run_id", sa.Text))
    op.add_column("core_runs", _epoch())
    op.add_column("core_runs", sa.Column("fingerprints", JSONB))
    op.add_column("core_runs", sa.Column("task_queue", sa.Text))
    op.create_index("core_runs_started_at", "core_runs", ["started_at"])
    op.execute("UPDATE core_runs SET lineage_id = run_id")
    op.execute(_LINEAGES)
    op.create_index("core_runs_lineage_id", "core_runs", ["lineage_id"])
    op.create_table(
        "core_audit",
        sa.Column("audit_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("at", _TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("workflow_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("details", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
    )
    op.create_index("core_audit_workflow_id", "core_audit", ["workflow_id"])
    op.create_table(
        "core_schema_floors",
        sa.Column("revision", sa.Text, primary_key=True),
        sa.Column("floor", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("core_schema_floors")
    op.drop_table("core_audit")
    op.drop_index("core_runs_lineage_id", "core_runs")
    op.drop_index("core_runs_started_at", "core_runs")
    for column in ("task_queue", "lineage_id", "first_run_id", "execution_run_id", "epoch", "fingerprints"):
        op.drop_column("core_runs", column)
    op.create_index("core_executions_run_id", "core_executions", ["run_id"])
    op.drop_index("core_executions_run_id_step", "core_executions")
    op.drop_column("core_executions", "round")
    op.drop_column("core_executions", "epoch")
    op.drop_column("core_executions", "traceback")
    op.drop_column("core_executions", "lost")
    op.execute("DELETE FROM core_partitions WHERE run_id IS NULL")
    op.drop_column("core_partitions", "epoch")
    op.drop_column("core_partitions", "execution_run_id")
    op.alter_column("core_partitions", "run_id", nullable=False)
