"""The large tables lose their foreign key, which was looked up for every row."""

from alembic import op

revision = "finra_otc_0002"
down_revision = "finra_otc_0001"
branch_labels = None
depends_on = None

_TABLES = ("raw", "normalized", "symbol_venue")


def upgrade() -> None:
    for table in _TABLES:
        op.drop_constraint(f"finra_otc_{table}_capture_id_fkey", f"finra_otc_{table}")


def downgrade() -> None:
    for table in _TABLES:
        op.create_foreign_key(
            f"finra_otc_{table}_capture_id_fkey",
            f"finra_otc_{table}",
            "finra_otc_capture",
            ["capture_id"],
            ["capture_id"],
            ondelete="CASCADE",
        )
