"""The two real files give exactly the numbers that three independent programs gave."""

import csv
import hashlib
import json

import pytest
from sqlalchemy import text

from activities.finra.otc_transparency.aggregate import AggregateWeek
from activities.finra.otc_transparency.ingest import IngestWeek
from activities.finra.otc_transparency.normalize import NormalizeWeek
from spine_temporal.testing.services import PipelineTestServices, run_pipeline

FILES = {"20251222": "2025-11-21", "20251229": "2025-11-28"}


@pytest.fixture
def finra(shared):
    """FINRA's files and what they must give; FINRA's terms limit redistribution, so the repository has none."""
    return shared("finra")


@pytest.fixture(autouse=True)
def roots(finra, monkeypatch):
    monkeypatch.setenv("SPINE_DATA_ROOTS", str(finra))


@pytest.fixture(params=FILES)
def refreshed(request, connection, finra):
    """Expected numbers, the three outputs, and the connection that holds the tables."""
    stamp = request.param
    path = finra / f"finra_otc_weekly_otc_{stamp}.csv"
    expected = json.loads((finra / "expected" / "expected.json").read_text())["files"][path.name]
    params = {"tier": "OTC", "week_ending": FILES[stamp], "file_path": str(path), "source": "file"}
    services = PipelineTestServices(connection)
    outputs = [run_pipeline(step, params, services) for step in (IngestWeek, NormalizeWeek, AggregateWeek)]
    return stamp, expected, outputs, connection


def test_the_outputs_equal_the_expected_numbers(refreshed):
    _, expected, (ingest, normalize, aggregate), _ = refreshed
    assert ingest["row_count"] == expected["row_count"]
    assert ingest["error_count"] == expected["error_count"]
    assert normalize["accepted"] == expected["accepted"]
    assert normalize["rejected"] == expected["rejected"]
    assert normalize["rejects_by_reason"] == expected["rejects_by_reason"]
    assert normalize["null_rate"] == pytest.approx(expected["null_rate"], abs=1e-15)
    assert int(aggregate["total_shares"]) == expected["total_shares"]
    assert aggregate["total_trades"] == expected["total_trades"]
    assert aggregate["symbol_count"] == expected["symbol_count"]
    assert aggregate["venue_count"] == expected["venue_count"]
    assert aggregate["symbol_venue_rows"] == expected["symbol_venue_pairs"]
    assert aggregate["tier_hhi"] == pytest.approx(expected["tier_hhi_by_venue"], abs=1e-12)
    assert aggregate["hhi_by_symbol"] == pytest.approx(expected["tier_hhi_by_symbol"], abs=1e-12)


def test_every_symbol_equals_the_expected_table(refreshed, finra):
    stamp, expected, _, connection = refreshed
    rows = connection.execute(
        text("SELECT symbol, total_shares, total_trades, venue_count, hhi FROM finra_otc_symbol_weekly ORDER BY symbol")
    ).all()
    with (finra / "expected" / f"symbol_weekly_{stamp}.csv").open() as file:
        wanted = list(csv.DictReader(file))
    assert [row[0] for row in rows] == [row["symbol"] for row in wanted]
    for row, want in zip(rows, wanted, strict=True):
        assert (int(row[1]), row[2], row[3]) == (int(want["shares"]), int(want["trades"]), int(want["venue_count"]))
        assert row[4] == pytest.approx(float(want["hhi"]), abs=1e-12)
    lines = "".join(f"{row[0]}|{int(row[1])}|{row[2]}|{row[3]}\n" for row in rows)
    assert hashlib.sha256(lines.encode()).hexdigest() == expected["symbol_table_sha256"]


def test_every_venue_equals_the_expected_table(refreshed):
    _, expected, _, connection = refreshed
    rows = connection.execute(
        text(
            "SELECT mpid, venue_name, total_shares, total_trades, symbol_count, share, rank "
            "FROM finra_otc_venue_weekly ORDER BY rank"
        )
    ).mappings()
    for row, want in zip(rows, expected["venues"], strict=True):
        assert row["mpid"] == want["mpid"]
        assert row["venue_name"] == want["venue_name"]
        assert int(row["total_shares"]) == want["shares"]
        assert row["total_trades"] == want["trades"]
        assert row["symbol_count"] == want["symbol_count"]
        assert row["rank"] == want["rank"]
        assert row["share"] == pytest.approx(want["share"], abs=1e-12)


def test_every_reject_is_kept_with_its_line(refreshed):
    _, expected, _, connection = refreshed
    rows = connection.execute(
        text("SELECT line_no, reason_code, reason_codes, raw_line FROM finra_otc_reject ORDER BY line_no")
    ).all()
    assert [tuple(row) for row in rows] == [
        (want["line"], want["reason"], want["all_reasons"], want["raw"]) for want in expected["reject_rows"]
    ]


def test_the_dates_are_the_files_and_the_week_is_the_one_given(refreshed):
    stamp, expected, (ingest, _, _), connection = refreshed
    assert ingest["week_ending"].isoformat() == expected["week_ending"]
    assert ingest["last_update_date_min"].isoformat() == expected["last_update_date"]
    assert ingest["last_update_date_max"].isoformat() == expected["last_update_date"]
    capture = connection.execute(text("SELECT * FROM finra_otc_capture")).mappings().one()
    assert (capture["raw_sha256"], capture["byte_count"]) == (expected["sha256"], expected["bytes"])
    assert capture["week_start"].isoformat() == expected["week_start"]
    assert (capture["status"], capture["is_current"], capture["revision"]) == ("AGGREGATED", True, 1)
    assert FILES[stamp] == expected["week_ending"]


def test_symbols_have_their_name_and_their_shares_by_venue(refreshed):
    _, expected, _, connection = refreshed
    symbol = text("SELECT * FROM finra_otc_symbol_weekly WHERE symbol = :symbol")
    venues = text("SELECT mpid, shares, venue_share FROM finra_otc_symbol_venue WHERE symbol = :symbol")
    for want in (*expected["top10_symbols"], *expected["sample20_symbols"]):
        row = connection.execute(symbol, {"symbol": want["symbol"]}).mappings().one()
        assert row["issue_name"] == want["issue_name"]
        found = {
            mpid: (shares, share) for mpid, shares, share in connection.execute(venues, {"symbol": want["symbol"]})
        }
        assert {mpid: shares for mpid, (shares, _) in found.items()} == {
            mpid: venue["shares"] for mpid, venue in want["venues"].items()
        }
        for mpid, venue in want["venues"].items():
            assert found[mpid][1] == pytest.approx(venue["share"], abs=1e-12)
        assert row["top_venue_share"] == max(share for _, share in found.values())


def test_the_tiers_row_and_the_spread_of_venues_are_the_expected_ones(refreshed):
    _, expected, _, connection = refreshed
    tier = connection.execute(text("SELECT * FROM finra_otc_tier_weekly")).mappings().one()
    assert tier["top_symbol"] == expected["top10_symbols"][0]["symbol"]
    assert tier["top_symbol_share"] == pytest.approx(expected["top_symbol_share"], abs=1e-12)
    assert tier["reject_count"] == expected["rejected"]
    spread = text("SELECT venue_count, count(*) FROM finra_otc_symbol_weekly GROUP BY 1 ORDER BY 1")
    assert {str(venues): symbols for venues, symbols in connection.execute(spread)} == expected[
        "symbols_by_venue_count"
    ]
    mean = connection.execute(text("SELECT avg(hhi) FROM finra_otc_symbol_weekly")).scalar()
    assert mean == pytest.approx(expected["mean_symbol_hhi"], abs=1e-12)


def test_a_second_run_is_skipped_and_changes_no_row(refreshed, finra):
    stamp, _, outputs, connection = refreshed
    counts = text("SELECT count(*), count(DISTINCT capture_id) FROM finra_otc_normalized")
    before = connection.execute(counts).one()
    params = {"tier": "OTC", "week_ending": FILES[stamp], "file_path": str(finra), "source": "file"}
    services = PipelineTestServices(connection)
    again = [run_pipeline(step, params, services) for step in (IngestWeek, NormalizeWeek, AggregateWeek)]
    assert again == [outputs[0] | {"skipped": True}, *outputs[1:]]
    assert connection.execute(counts).one() == before
