"""Totals, shares and concentration, on symbols and quantities that the real OTC files do not have."""

from fractions import Fraction

import pytest
from sqlalchemy import text

from tests.postgres.finra.weekly_file import line

T1 = {"tier": "NMS_TIER_1"}


def nms(symbol, mpid, shares, trades="1", **fields):
    return line(symbol, mpid, shares, trades, **{"updated": "2025-12-15", "tier": "NMS Tier 1"} | fields)


@pytest.fixture
def symbols(connection):
    """Return symbol_weekly by symbol."""

    def read():
        rows = connection.execute(text("SELECT * FROM finra_otc_symbol_weekly_current")).mappings()
        return {row["symbol"]: row for row in rows}

    return read


def test_symbols_keep_their_dots_and_their_case(refresh, symbols, connection):
    names = ["BRK.B", "AACT.WS", "ABRpD", "ABRPD", "ABR", "A", "Zz"]
    refresh([nms(name, "UBSA", "10") for name in reversed(names)], **T1)
    assert set(symbols()) == set(names)
    stored = connection.execute(text("SELECT symbol FROM finra_otc_symbol_weekly ORDER BY symbol")).scalars().all()
    assert stored == sorted(names)


def test_fractions_of_shares_and_large_sums_are_exact(refresh, symbols, connection):
    lines = [
        nms("BIG", "UBSA", "99999999999999.999999", "999999999999999999"),
        nms("BIG", "INCR", "99999999999999.000001", "2147483649"),
        nms("SMALL", "UBSA", "0.000001"),
        nms("SMALL", "INCR", "0.000002"),
    ]
    *_, aggregate = refresh(lines, **T1)
    assert aggregate["total_shares"] == "199999999999999.000003"
    assert aggregate["total_trades"] == 999999999999999999 + 2147483649 + 2
    small = symbols()["SMALL"]
    assert str(small["total_shares"]) == "0.000003"
    assert small["hhi"] == pytest.approx(float(Fraction(5, 9)), abs=1e-12)
    assert (small["top_mpid"], small["venue_count"]) == ("INCR", 2)
    assert small["top_venue_share"] == pytest.approx(2 / 3, abs=1e-12)
    venue = text("SELECT mpid, rank FROM finra_otc_venue_weekly ORDER BY rank")
    assert connection.execute(venue).all() == [("UBSA", 1), ("INCR", 2)]


def test_shares_and_concentration_follow_their_formulas(refresh, symbols):
    quantities = {"UBSA": 700, "INCR": 200, "JPMX": 100}
    *_, aggregate = refresh([nms("ABC", mpid, str(shares), "10") for mpid, shares in quantities.items()], **T1)
    row = symbols()["ABC"]
    assert row["hhi"] == pytest.approx(0.49 + 0.04 + 0.01, abs=1e-15)
    assert float(row["avg_trade_size"]) == pytest.approx(1000 / 30, rel=1e-15)
    assert aggregate["tier_hhi"] == pytest.approx(0.54, abs=1e-15)
    assert aggregate["hhi_by_symbol"] == 1
    assert (aggregate["row_count"], aggregate["symbol_venue_rows"], aggregate["invariants_ok"]) == (3, 3, True)


def test_without_shares_there_is_no_share_and_no_concentration(refresh, symbols):
    *_, aggregate = refresh([nms("NONE", "UBSA", "0", "5"), nms("NONE", "INCR", "0", "1")], **T1)
    row = symbols()["NONE"]
    assert (row["hhi"], row["top_venue_share"], row["avg_trade_size"]) == (None, None, 0)
    assert (aggregate["tier_hhi"], aggregate["total_shares"]) == (None, "0")


def test_a_week_of_which_no_row_was_accepted_has_empty_tables(refresh):
    _, normalize, aggregate = refresh([line(symbol="")])
    assert (normalize["accepted"], normalize["total_shares"]) == (0, "0")
    assert (aggregate["symbol_count"], aggregate["total_shares"], aggregate["tier_hhi"]) == (0, "0", None)


def test_of_several_names_the_longest_is_kept_then_the_first(refresh, symbols):
    names = {"UBSA": "Abc Inc", "INCR": "Abc Inc Common B", "JPMX": "Abc Inc Common A", "SGMT": ""}
    refresh([nms("ABC", mpid, "1", name=name) for mpid, name in names.items()], **T1)
    assert symbols()["ABC"]["issue_name"] == "Abc Inc Common A"


def test_equal_venues_rank_by_mpid(refresh, connection):
    refresh([nms("ABC", mpid, "10") for mpid in ("ZZZZ", "AAAA", "MMMM")], **T1)
    ranked = connection.execute(text("SELECT mpid FROM finra_otc_venue_weekly ORDER BY rank")).scalars().all()
    assert ranked == ["AAAA", "MMMM", "ZZZZ"]
