"""A raw line is stored once: its eight fields, or the line where it did not split; the view has what follows."""

from alembic import op

revision = "finra_otc_0003"
down_revision = "finra_otc_0002"
branch_labels = None
depends_on = None

_FIELDS = """
    tier_description, issue_symbol_identifier, issue_name, market_participant_name, mpid,
    total_weekly_share_quantity, total_weekly_trade_count, last_update_date
"""
#: Of the capture, of the fields, and of the line itself.
_DERIVED = ("execution_id", "week_ending", "tier", "raw_line", "record_hash")

_VIEW = f"""
    CREATE VIEW finra_otc_raw AS
    SELECT capture_id, capture.execution_id, capture.week_ending, capture.tier, line_no, {_FIELDS}, raw_line,
        coalesce(unsplit_hash, encode(sha256(convert_to(raw_line, 'UTF8')), 'hex'))::char(64) AS record_hash
    FROM finra_otc_line
    JOIN finra_otc_capture AS capture USING (capture_id),
    LATERAL (SELECT coalesce(unsplit, concat_ws('|', {_FIELDS})) AS raw_line) AS whole
"""


def upgrade() -> None:
    op.execute("ALTER TABLE finra_otc_raw RENAME TO finra_otc_line")
    op.execute("ALTER INDEX finra_otc_raw_pkey RENAME TO finra_otc_line_pkey")
    op.execute("ALTER TABLE finra_otc_line ADD COLUMN unsplit text, ADD COLUMN unsplit_hash char(64)")
    op.execute("""
        UPDATE finra_otc_line SET unsplit = raw_line, unsplit_hash = record_hash WHERE tier_description IS NULL
    """)
    op.execute("ALTER TABLE finra_otc_line " + ", ".join(f"DROP COLUMN {name}" for name in _DERIVED))
    op.execute(_VIEW)


def downgrade() -> None:
    op.execute("CREATE TEMPORARY TABLE finra_otc_kept ON COMMIT DROP AS SELECT * FROM finra_otc_raw")
    op.execute("DROP VIEW finra_otc_raw")
    op.execute("DROP TABLE finra_otc_line")
    op.execute("""
        CREATE TABLE finra_otc_raw (
            capture_id text NOT NULL,
            execution_id text,
            week_ending date NOT NULL CHECK (extract(isodow FROM week_ending) = 5),
            tier text NOT NULL CHECK (tier IN ('NMS_TIER_1', 'NMS_TIER_2', 'OTC')),
            line_no int NOT NULL, tier_description text, issue_symbol_identifier text, issue_name text,
            market_participant_name text, mpid text, total_weekly_share_quantity text,
            total_weekly_trade_count text, last_update_date text, raw_line text NOT NULL,
            record_hash char(64) NOT NULL,
            PRIMARY KEY (capture_id, line_no)
        )
    """)
    op.execute("INSERT INTO finra_otc_raw SELECT * FROM finra_otc_kept")
