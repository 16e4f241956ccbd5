"""A reject says where it came from, and is there once however often its execution writes it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "core_0005"
down_revision = "core_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("core_rejects", sa.Column("batch_id", sa.Text))
    op.add_column("core_rejects", sa.Column("source_locator", sa.Text))
    op.add_column("core_rejects", sa.Column("line_number", sa.BigInteger))
    op.add_column("core_rejects", sa.Column("reject_key", UUID(as_uuid=True)))
    op.create_index("core_rejects_execution_id_reject_key", "core_rejects", ["execution_id", "reject_key"], unique=True)
    op.execute("INSERT INTO core_schema_floors VALUES ('core_0005', 'core_0004')")


def downgrade() -> None:
    op.execute("DELETE FROM core_schema_floors WHERE revision = 'core_0005'")
    op.drop_index("core_rejects_execution_id_reject_key", "core_rejects")
    for column in ("reject_key", "line_number", "source_locator", "batch_id"):
        op.drop_column("core_rejects", column)
