"""The tables of FINRA's weekly OTC transparency data."""

from alembic import op

revision = "finra_otc_0001"
down_revision = None
branch_labels = ("finra_otc",)
depends_on = None

#: Every row table begins with these.
_HEAD = """
    capture_id text NOT NULL REFERENCES finra_otc_capture ON DELETE CASCADE,
    execution_id text,
    week_ending date NOT NULL CHECK (extract(isodow FROM week_ending) = 5),
    tier text NOT NULL CHECK (tier IN ('NMS_TIER_1', 'NMS_TIER_2', 'OTC'))
"""

_CAPTURE = """
    CREATE TABLE finra_otc_capture (
        capture_id text PRIMARY KEY,
        execution_id text,
        tier text NOT NULL CHECK (tier IN ('NMS_TIER_1', 'NMS_TIER_2', 'OTC')),
        week_ending date NOT NULL CHECK (extract(isodow FROM week_ending) = 5),
        week_start date NOT NULL,
        week_source text NOT NULL,
        revision int NOT NULL,
        is_current bool NOT NULL DEFAULT false,
        status text NOT NULL CHECK (status IN ('INGESTED', 'NORMALIZED', 'AGGREGATED', 'FAILED_GATE')),
        source_type text NOT NULL,
        source_uri text NOT NULL,
        content_sha256 char(64) NOT NULL,
        raw_sha256 char(64) NOT NULL,
        byte_count bigint NOT NULL,
        row_count int NOT NULL,
        error_count int NOT NULL,
        last_update_min date,
        last_update_max date,
        captured_at timestamptz NOT NULL,
        last_observed_at timestamptz NOT NULL,
        UNIQUE (tier, week_ending, revision)
    )
"""

_TABLES = {
    "raw": """
        line_no int NOT NULL, tier_description text, issue_symbol_identifier text, issue_name text,
        market_participant_name text, mpid text, total_weekly_share_quantity text, total_weekly_trade_count text,
        last_update_date text, raw_line text NOT NULL, record_hash char(64) NOT NULL,
        PRIMARY KEY (capture_id, line_no)
    """,
    "normalized": """
        symbol text COLLATE "C" NOT NULL, mpid text COLLATE "C" NOT NULL,
        total_shares numeric(20, 6) NOT NULL CHECK (total_shares >= 0),
        total_trades bigint NOT NULL CHECK (total_trades >= 0), issue_name text, venue_name text,
        source_last_update_date date NOT NULL, source_line int NOT NULL,
        PRIMARY KEY (capture_id, symbol, mpid)
    """,
    "reject": """
        line_no int NOT NULL, stage text NOT NULL, reason_code text NOT NULL, reason_codes text[] NOT NULL,
        detail text, raw_line text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (capture_id, line_no)
    """,
    "symbol_weekly": """
        symbol text COLLATE "C" NOT NULL, issue_name text, total_shares numeric(24, 6) NOT NULL,
        total_trades bigint NOT NULL, venue_count int NOT NULL, avg_trade_size numeric, hhi double precision,
        top_mpid text, top_venue_share double precision,
        PRIMARY KEY (capture_id, symbol)
    """,
    "symbol_venue": """
        symbol text COLLATE "C" NOT NULL, mpid text COLLATE "C" NOT NULL, shares numeric(20, 6) NOT NULL,
        trades bigint NOT NULL, venue_share double precision CHECK (venue_share BETWEEN 0 AND 1),
        PRIMARY KEY (capture_id, symbol, mpid)
    """,
    "venue_weekly": """
        mpid text COLLATE "C" NOT NULL, venue_name text, total_shares numeric(24, 6) NOT NULL,
        total_trades bigint NOT NULL, symbol_count int NOT NULL, share double precision, rank int NOT NULL,
        PRIMARY KEY (capture_id, mpid)
    """,
    "tier_weekly": """
        total_shares numeric(26, 6) NOT NULL, total_trades bigint NOT NULL, symbol_count int NOT NULL,
        venue_count int NOT NULL, row_count int NOT NULL, reject_count int NOT NULL,
        hhi_by_venue double precision, hhi_by_symbol double precision, top_symbol text,
        top_symbol_share double precision,
        PRIMARY KEY (capture_id)
    """,
    "revision_diff": """
        previous_capture_id text NOT NULL, rows_added int NOT NULL, rows_removed int NOT NULL,
        rows_changed int NOT NULL, delta_shares numeric(26, 6) NOT NULL,
        PRIMARY KEY (capture_id, previous_capture_id)
    """,
}

_VIEWED = ("normalized", "reject", "symbol_weekly", "symbol_venue", "venue_weekly", "tier_weekly")


def upgrade() -> None:
    op.execute(_CAPTURE)
    op.execute(
        "CREATE UNIQUE INDEX finra_otc_capture_current ON finra_otc_capture (tier, week_ending) WHERE is_current"
    )
    for name, columns in _TABLES.items():
        op.execute(f"CREATE TABLE finra_otc_{name} ({_HEAD}, {columns})")
    op.execute("CREATE INDEX finra_otc_normalized_symbol ON finra_otc_normalized (symbol, week_ending)")
    op.execute(
        "CREATE INDEX finra_otc_symbol_weekly_shares ON finra_otc_symbol_weekly (week_ending, tier, total_shares DESC)"
    )
    for name in _VIEWED:
        op.execute(
            f"CREATE VIEW finra_otc_{name}_current AS SELECT rows.* FROM finra_otc_{name} AS rows "
            "JOIN finra_otc_capture AS capture USING (capture_id) WHERE capture.is_current"
        )


def downgrade() -> None:
    for name in _VIEWED:
        op.execute(f"DROP VIEW finra_otc_{name}_current")
    for name in reversed(_TABLES):
        op.execute(f"DROP TABLE finra_otc_{name}")
    op.execute("DROP TABLE finra_otc_capture")
