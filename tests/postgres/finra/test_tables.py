"""The domain's tables are what its migration makes, and the migration goes both ways."""

from hashlib import sha256

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import CheckConstraint, inspect, text
from sqlalchemy.exc import IntegrityError

from activities.finra.otc_transparency.ingest import IngestWeek
from activities.finra.otc_transparency.tables import metadata
from tests.postgres.finra.weekly_file import HEADER, line

VIEWS = {"normalized", "reject", "symbol_weekly", "symbol_venue", "venue_weekly", "tier_weekly"}


def is_ours(name, kind, _parents):
    return kind != "table" or (name or "").startswith("finra_otc_")


def test_the_migration_makes_the_tables(connection):
    options = {"compare_type": True, "compare_server_default": True, "include_name": is_ours}
    context = MigrationContext.configure(connection, opts=options)
    assert compare_metadata(context, metadata) == []


def test_every_table_has_the_checks_that_it_is_said_to_have(connection):
    found = inspect(connection)
    for table in metadata.sorted_tables:
        said = [part for column in table.columns for part in column.constraints if isinstance(part, CheckConstraint)]
        assert len(found.get_check_constraints(table.name)) == len(said), table.name


def test_keys_sort_byte_by_byte(connection):
    collations = connection.execute(
        text("""
            SELECT DISTINCT collation_name FROM information_schema.columns
            WHERE table_name LIKE 'finra_otc_%' AND column_name IN ('symbol', 'mpid')
                AND table_name NOT IN ('finra_otc_line', 'finra_otc_raw') AND table_name NOT LIKE '%_current'
        """)
    )
    assert collations.scalars().all() == ["C"]


def test_the_current_captures_have_their_views(connection):
    found = set(inspect(connection).get_view_names())
    assert {f"finra_otc_{name}_current" for name in VIEWS} <= found


def test_the_migration_goes_back_and_forth(connection):
    from activities.finra.otc_transparency.migrations.versions import finra_otc_0001, finra_otc_0002, finra_otc_0003

    steps = (finra_otc_0001, finra_otc_0002, finra_otc_0003)
    with Operations.context(MigrationContext.configure(connection)):
        for step in reversed(steps):
            step.downgrade()
        names = {*inspect(connection).get_table_names(), *inspect(connection).get_view_names()}
        assert not {name for name in names if name.startswith("finra_otc_")}
        for step in steps:
            step.upgrade()
    assert {table.name for table in metadata.sorted_tables} <= set(inspect(connection).get_table_names())


def test_raw_lines_are_the_same_before_and_after_they_are_stored_once(refresh, connection):
    from activities.finra.otc_transparency.migrations.versions import finra_otc_0003

    cut, latin = b"OTC|AB|x", line(symbol="C", name="Caf\u00e9").encode("latin-1")
    good = [line(name="").encode(), *(line(symbol=f"S{number}").encode() for number in range(200))]
    refresh(b"\n".join([HEADER.encode(), *good, cut, latin]), steps=(IngestWeek,))
    rows = text("SELECT * FROM finra_otc_raw ORDER BY line_no")
    as_view = [tuple(row) for row in connection.execute(rows)]
    with Operations.context(MigrationContext.configure(connection)):
        finra_otc_0003.downgrade()
        as_table = [tuple(row) for row in connection.execute(rows)]
        finra_otc_0003.upgrade()
    assert as_table == as_view == [tuple(row) for row in connection.execute(rows)]
    hashes = {row[4]: row[-1] for row in as_view}
    assert (hashes[203], hashes[204]) == (sha256(cut).hexdigest(), sha256(latin).hexdigest())
    assert hashes[2] == sha256(line(name="").encode()).hexdigest()


def test_a_week_has_one_current_capture(connection):
    insert = text("""
        INSERT INTO finra_otc_capture (capture_id, tier, week_ending, week_start, week_source, revision, is_current,
            status, source_type, source_uri, content_sha256, raw_sha256, byte_count, row_count, error_count,
            captured_at, last_observed_at)
        VALUES (:id, 'OTC', :week, '2025-11-24', 'given', :revision, true, 'AGGREGATED', 'file', 'x', '', '', 1, 1,
            0, now(), now())
    """)
    connection.execute(insert, {"id": "a", "revision": 1, "week": "2025-11-28"})
    with pytest.raises(IntegrityError, match="finra_otc_capture_current"), connection.begin_nested():
        connection.execute(insert, {"id": "b", "revision": 2, "week": "2025-11-28"})
    with pytest.raises(IntegrityError, match="week_ending_check"), connection.begin_nested():
        connection.execute(insert, {"id": "c", "revision": 1, "week": "2025-11-27"})
