"""What people are to be told is an outbox, and each delivery of it is a row."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "core_0007"
down_revision = "core_0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ID = UUID(as_uuid=True)


def _now() -> sa.Column[datetime]:
    return sa.Column("created_at", _TIME, nullable=False, server_default=sa.func.now())


def upgrade() -> None:
    op.create_table(
        "core_outbox",
        sa.Column("notification_id", _ID, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("partition_key", JSONB, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("step", sa.Text),
        sa.Column("run_id", sa.Text),
        sa.Column("workflow_id", sa.Text),
        sa.Column("anomaly_id", _ID),
        sa.Column("details", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        _now(),
        sa.Column("routed_at", _TIME),
    )
    op.create_index("core_outbox_anomaly_id", "core_outbox", ["anomaly_id"])
    op.create_index("core_outbox_cause_routed_at", "core_outbox", ["cause", "routed_at"])
    op.create_index("core_outbox_created_at", "core_outbox", ["created_at"])
    op.create_index("core_outbox_waiting", "core_outbox", ["created_at"], postgresql_where=sa.text("routed_at IS NULL"))
    op.create_table(
        "core_deliveries",
        sa.Column("notification_id", _ID, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("batch_id", _ID, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("error", sa.Text),
        _now(),
        sa.Column("ended_at", _TIME),
        sa.PrimaryKeyConstraint("notification_id", "channel"),
    )
    op.create_index("core_deliveries_batch_id", "core_deliveries", ["batch_id"])
    op.create_index(
        "core_deliveries_pending",
        "core_deliveries",
        ["channel", "created_at"],
        postgresql_where=sa.text("status = 'PENDING'::text"),
    )
    op.execute("INSERT INTO core_schema_floors VALUES ('core_0007', 'core_0006')")


def downgrade() -> None:
    op.execute("DELETE FROM core_schema_floors WHERE revision = 'core_0007'")
    op.drop_table("core_deliveries")
    op.drop_table("core_outbox")
