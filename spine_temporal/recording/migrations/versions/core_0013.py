"""A run knows the runs that it relied on, so that it can be told when one of them is not the newest any more."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "core_0013"
down_revision = "core_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("core_runs", sa.Column("parents", JSONB))
    op.execute("INSERT INTO core_schema_floors VALUES ('core_0013', 'core_0011')")


def downgrade() -> None:
    op.execute("DELETE FROM core_schema_floors WHERE revision = 'core_0013'")
    op.drop_column("core_runs", "parents")
