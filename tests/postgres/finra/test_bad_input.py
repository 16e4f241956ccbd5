"""Whatever a file holds, it is refused as a whole with a code, or line by line with a reason; nothing becomes zero."""

import gzip
import random
import zipfile

import pytest
from sqlalchemy import text

from activities.finra.otc_transparency.ingest import IngestWeek
from activities.finra.otc_transparency.parse import COLUMNS
from spine_temporal import SpineError
from tests.postgres.finra.weekly_file import HEADER, line


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "SOURCE_EMPTY"),
        (f"{HEADER}\n".encode(), "SOURCE_EMPTY"),
        (b"<html><body>Not found</body></html>", "HEADER_MISMATCH"),
        (b'{"error": "no"}', "HEADER_MISMATCH"),
        (HEADER.replace("|", ",").encode() + b"\nOTC,A,B,C,D,1,1,2025-12-29\n", "HEADER_MISMATCH"),
        (HEADER.replace("|lastUpdateDate", "").encode() + b"\nOTC|A|B|C|D|1|1\n", "HEADER_MISMATCH"),
        ("\ufeff".encode("utf-16-le") + f"{HEADER}\n{line()}\n".encode("utf-16-le"), "ENCODING"),
        (f"{HEADER}\n{line(tier='NMS Tier 1')}\n".encode(), "TIER_MISMATCH"),
        (f"{HEADER}\n{line(updated='2025-12-01')}\n".encode(), "WEEK_MISMATCH"),
    ],
)
def test_a_file_that_is_no_file_of_this_week_is_refused_before_any_write(refresh, connection, content, code):
    with pytest.raises(SpineError, match=f"^{code}: "):
        refresh(content)
    assert connection.execute(text("SELECT count(*) FROM finra_otc_capture")).scalar() == 0


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"tier": "T3"}, "BAD_PARAM"),
        ({"week_ending": "2025-13-40"}, "BAD_PARAM"),
        ({"week_ending": "2025-11-24"}, "BAD_WEEK_ENDING"),
        ({"week_ending": "2025-11-26", "strict_week_ending": True}, "BAD_WEEK_ENDING"),
        ({"week_ending": "2099-01-02"}, "NOT_PUBLISHED_YET"),
        ({"file_path": "no/such/file.csv"}, "SOURCE_NOT_FOUND"),
        ({"file_path": "/"}, "NOT_ALLOWED"),
        ({"file_path": "/etc/shadow"}, "NOT_ALLOWED"),
        ({"source": "ftp"}, "BAD_PARAM"),
    ],
)
def test_a_wrong_param_is_named(refresh, params, code):
    with pytest.raises(SpineError, match=f"^{code}: "):
        refresh([line()], **params)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line(symbol=""), "EMPTY_SYMBOL"),
        (line(symbol="A B"), "BAD_SYMBOL"),
        (line(symbol="x" * 21), "BAD_SYMBOL"),
        (line(symbol=" \t"), "EMPTY_SYMBOL"),
        (line(symbol="\u00c4BC"), "BAD_SYMBOL"),
        (line(mpid=""), "EMPTY_MPID"),
        (line(mpid="OTC\u0131"), "BAD_MPID"),
        (line(mpid="TOOLONGMPID"), "BAD_MPID"),
        (line(shares="abc"), "BAD_SHARES"),
        (line(shares=""), "BAD_SHARES"),
        (line(shares="1,234"), "BAD_SHARES"),
        (line(shares="1e5"), "BAD_SHARES"),
        (line(shares="NaN"), "BAD_SHARES"),
        (line(shares="1" * 25), "BAD_SHARES"),
        (line(shares="\u0661\u0662"), "BAD_SHARES"),
        (line(shares="1.1234567"), "BAD_SHARES"),
        (line(shares="1" * 15), "BAD_SHARES"),
        (line(shares="+5"), "BAD_SHARES"),
        (line(shares="\t"), "BAD_SHARES"),
        (line(shares="-5"), "NEGATIVE_QUANTITY"),
        (line(trades="-1"), "NEGATIVE_QUANTITY"),
        (line(trades="1" * 19), "BAD_TRADES"),
        (line(trades=" "), "BAD_TRADES"),
        (line(trades="1.5"), "BAD_TRADES"),
        (line(trades=""), "BAD_TRADES"),
        (line(shares="0", trades="0"), "ZERO_VOLUME"),
        (line(updated=""), "BAD_DATE"),
        (line(updated="2025-02-30"), "BAD_DATE"),
        (line(updated="2025-W52-1"), "BAD_DATE"),
        (line(updated="20251229"), "BAD_DATE"),
        (line(updated="2999-01-01"), "BAD_DATE"),
        (line(tier="NMS Tier 1"), "TIER_MISMATCH"),
        ("OTC|A|B", "FIELD_COUNT"),
        (line() + "|more", "FIELD_COUNT"),
        ("Total|123", "FIELD_COUNT"),
    ],
)
def test_a_bad_line_is_rejected_with_its_reason_and_the_others_are_kept(refresh, bad, reason):
    ingest, normalize, aggregate = refresh([line(symbol="GOOD"), bad, line(symbol="FINE")])
    assert normalize["rejects_by_reason"] == {reason: 1}
    assert normalize["accepted"] == 2
    assert ingest["error_count"] == (1 if reason == "FIELD_COUNT" else 0)
    assert aggregate["total_shares"] == "200"


@pytest.mark.parametrize(
    "name",
    [r"back\slash", 'a "quote', "tab\there", "carriage\rreturn", "percent % and ' quote", "Ünïcödé ✓", r"\N", r"\."],
)
def test_a_strange_name_is_kept_as_it_is(refresh, connection, name):
    refresh([line(name=name), line(symbol="OTHER")])
    kept = connection.execute(text("SELECT issue_name FROM finra_otc_normalized WHERE symbol = 'ABCD'")).scalar()
    assert kept == name


def test_lines_that_are_not_text_are_rejected_and_the_file_is_not(refresh, connection):
    good = [line(symbol=f"S{number}").encode() for number in range(300)]
    bad = [line(symbol="LATIN", name="Soci\xe9t\xe9").encode("latin-1"), line(symbol="NUL", name="a\0b").encode()]
    ingest, normalize, _ = refresh(b"\n".join([HEADER.encode(), *good, *bad]) + b"\n")
    assert (ingest["error_count"], normalize["rejects_by_reason"]) == (2, {"BAD_ENCODING": 2})
    assert (
        connection.execute(text("SELECT raw_line FROM finra_otc_reject ORDER BY line_no"))
        .scalars()
        .all()[0]
        .count("\\xe9")
        == 2
    )


def test_duplicates_keep_the_first_and_contradictions_keep_none(refresh, services):
    lines = [line(), line(), line(symbol="X", shares="5"), line(symbol="X", shares="6"), line(symbol="Y")]
    _, normalize, _ = refresh(lines)
    assert normalize["rejects_by_reason"] == {"DUPLICATE_CONFLICT": 2, "DUPLICATE_EXACT": 1}
    assert (normalize["accepted"], normalize["duplicate_conflict_keys"]) == (2, 1)
    assert ("ERROR", "DUPLICATE_CONFLICT") in {anomaly[:2] for anomaly in services.anomalies}


def test_sums_beyond_32_and_53_bits_are_exact(refresh):
    _, _, aggregate = refresh([line(shares="99999999999999"), line(mpid="OTCX", shares="99999999999999.000001")])
    assert aggregate["total_shares"] == "199999999999998.000001"


def test_the_form_of_the_file_does_not_change_the_capture(refresh):
    rows = [line(symbol="A"), line(symbol="B")]
    plain = ("\n".join([HEADER, *rows]) + "\n").encode()
    forms = [
        plain,
        plain.rstrip(),
        b"\xef\xbb\xbf" + plain,
        plain.replace(b"\n", b"\r\n"),
        ("\n".join(["# a comment", "", HEADER, *reversed(rows)]) + "\n").encode(),
        gzip.compress(plain),
    ]
    captures = {refresh(form, steps=(IngestWeek,))[0]["capture_id"] for form in forms}
    assert len(captures) == 1


def test_a_zip_with_one_member_is_unpacked_and_columns_may_stand_in_any_order(refresh, tmp_path, services):
    packed = tmp_path / "week.zip"
    names = [*reversed(COLUMNS), "extra"]
    fields = [*reversed(line().split("|")), "ignored"]
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("week.csv", "|".join(names) + "\n" + "|".join(fields) + "\n")
    ingest, normalize, _ = refresh(packed.read_bytes())
    assert (ingest["row_count"], normalize["accepted"]) == (1, 1)
    assert ("INFO", "EXTRA_COLUMN") in {anomaly[:2] for anomaly in services.anomalies}


def test_the_whitespace_around_a_field_is_no_part_of_it(refresh, connection):
    spaced = "|".join(f" \t{field}\u00a0 " for field in line(mpid="otcn", name="A  Name").split("|"))
    _, normalize, _ = refresh([spaced])
    assert normalize["rejects_by_reason"] == {}
    row = connection.execute(
        text("SELECT symbol, mpid, issue_name, total_shares, total_trades FROM finra_otc_normalized")
    ).one()
    assert tuple(row) == ("ABCD", "OTCN", "A  Name", 100, 2)


def test_a_reject_has_all_of_its_reasons_in_order_and_says_what_it_found(refresh, connection):
    refresh([line(symbol="a b", mpid="", shares="1e5", trades="", updated="soon", tier="T1"), line(), "OTC|cut"])
    reject = text("SELECT line_no, stage, reason_code, reason_codes, detail FROM finra_otc_reject ORDER BY line_no")
    all_reasons = ["BAD_SYMBOL", "EMPTY_MPID", "BAD_SHARES", "BAD_TRADES", "BAD_DATE", "TIER_MISMATCH"]
    assert [tuple(row) for row in connection.execute(reject)] == [
        (2, "normalize", "BAD_SYMBOL", all_reasons, "issueSymbolIdentifier is 'a b'"),
        (4, "ingest", "FIELD_COUNT", ["FIELD_COUNT"], "2 fields, not 8"),
    ]


def test_the_null_rate_counts_rows_with_a_blank_among_the_four_fields(refresh):
    blanks = [line(symbol=""), line(symbol="", mpid=" "), line(shares="\t"), line(trades=""), line(name="")]
    _, normalize, _ = refresh([*blanks, *(line(symbol=f"S{number}") for number in range(15))])
    assert normalize["null_rate"] == 4 / 20


def test_quantities_that_are_equal_as_numbers_are_equal(refresh):
    _, normalize, _ = refresh([line(shares="100"), line(shares="100.0"), line(shares="0100")])
    assert normalize["rejects_by_reason"] == {"DUPLICATE_EXACT": 2}


def test_more_conflicting_keys_than_the_gate_allows_are_counted_by_key(refresh):
    lines = [line(symbol=f"S{number}", shares=str(shares)) for number in range(11) for shares in (1, 2, 3)]
    _, normalize, _ = refresh([*lines, line()])
    assert (normalize["duplicate_conflict_keys"], normalize["rejected"]) == (11, 33)


def test_whatever_a_field_holds_is_stored_as_it_was_or_rejected(refresh, connection):
    draw = random.Random(7)
    alphabet = "\\N.\"'\t\r\x01\x07\x0b\x7f \u00e9\u20ac\U0001f600%:{}"
    names = {f"S{number}": "".join(draw.choices(alphabet, k=draw.randrange(12))) for number in range(2000)}
    lines = [line(symbol=symbol, name=name) for symbol, name in names.items()]
    refresh([*lines, line(symbol="LAST")], steps=(IngestWeek,))
    stored = connection.execute(text("SELECT issue_symbol_identifier, issue_name, raw_line FROM finra_otc_raw"))
    found = {symbol: (name, whole) for symbol, name, whole in stored if symbol != "LAST"}
    assert found == {symbol: (name, line(symbol=symbol, name=name)) for symbol, name in names.items()}
