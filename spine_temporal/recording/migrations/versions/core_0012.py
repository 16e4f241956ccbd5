"""Each decision of a held gate is a row, with what was seen at the time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "core_0012"
down_revision = "core_0011"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "core_decisions",
        sa.Column("decision_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("workflow_id", sa.Text, nullable=False),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("partition_key", JSONB, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("start_from", sa.Text),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("told_as", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text),
        sa.Column("is_final", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("seen", JSONB, nullable=False),
        sa.Column("decided_at", _TIME, nullable=False, server_default=sa.func.now()),
    )
    op.create_index("core_decisions_run_id", "core_decisions", ["run_id"])
    op.create_index("core_decisions_decided_at", "core_decisions", ["decided_at"])
    op.execute("INSERT INTO core_schema_floors VALUES ('core_0012', 'core_0011')")


def downgrade() -> None:
    op.execute("DELETE FROM core_schema_floors WHERE revision = 'core_0012'")
    op.drop_table("core_decisions")
