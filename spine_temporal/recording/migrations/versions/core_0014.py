"""A decided run of a backfill waits for a place: since when, and found by its workflow id."""

import sqlalchemy as sa
from alembic import op

revision = "core_0014"
down_revision = "core_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("core_backfill_partitions", sa.Column("decided_at", sa.DateTime(timezone=True)))
    op.create_index(
        "core_backfill_partitions_open",
        "core_backfill_partitions",
        ["workflow_id"],
        postgresql_where=sa.text("status = ANY (ARRAY['RUNNING'::text, 'HELD'::text])"),
    )
    op.execute("INSERT INTO core_schema_floors VALUES ('core_0014', 'core_0011')")


def downgrade() -> None:
    op.execute("DELETE FROM core_schema_floors WHERE revision = 'core_0014'")
    op.drop_index("core_backfill_partitions_open")
    op.drop_column("core_backfill_partitions", "decided_at")
