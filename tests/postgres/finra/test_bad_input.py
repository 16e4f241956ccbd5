"""Whatever a file holds, it is refused as a whole with a code, or line by line with a reason; nothing becomes zero."""

import gzip
import zipfile

import pytest
from sqlalchemy import text

from activities.finra.otc_transparency.aggregate import AggregateWeek
from activities.finra.otc_transparency.ingest import IngestWeek
from activities.finra.otc_transparency.normalize import NormalizeWeek
from activities.finra.otc_transparency.parse import COLUMNS
from activities.finra.otc_transparency.sample_data import write_sample
from activities.finra.otc_transparency.week import tier_of, week_ending_of
from spine_temporal import SpineError
from spine_temporal.testing.services import PipelineTestServices, run_pipeline

HEADER = "|".join(COLUMNS)
WEEK = "2025-11-28"


def line(symbol="ABCD", mpid="OTCN", shares="100", trades="2", updated="2025-12-29", tier="OTC", name="A Name"):
    return f"{tier}|{symbol}|{name}|{mpid} A VENUE|{mpid}|{shares}|{trades}|{updated}"


@pytest.fixture
def services(connection):
    return PipelineTestServices(connection)


@pytest.fixture
def refresh(tmp_path, services):
    """Run the three pipelines on these lines or bytes; return the three outputs."""

    def run(content, steps=(IngestWeek, NormalizeWeek, AggregateWeek), **params):
        path = tmp_path / params.pop("name", "week.csv")
        data = content if isinstance(content, bytes) else ("\n".join([HEADER, *content]) + "\n").encode()
        path.write_bytes(data)
        given = {"tier": "OTC", "week_ending": WEEK, "file_path": str(path)} | params
        return [run_pipeline(step, given, services) for step in steps]

    return run


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
        ({"file_path": "/"}, "SOURCE_NOT_FOUND"),
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
        (line(mpid=""), "EMPTY_MPID"),
        (line(mpid="TOOLONGMPID"), "BAD_MPID"),
        (line(shares="abc"), "BAD_SHARES"),
        (line(shares=""), "BAD_SHARES"),
        (line(shares="1,234"), "BAD_SHARES"),
        (line(shares="1e5"), "BAD_SHARES"),
        (line(shares="NaN"), "BAD_SHARES"),
        (line(shares="1" * 25), "BAD_SHARES"),
        (line(shares="-5"), "NEGATIVE_QUANTITY"),
        (line(trades="1.5"), "BAD_TRADES"),
        (line(trades=""), "BAD_TRADES"),
        (line(shares="0", trades="0"), "ZERO_VOLUME"),
        (line(updated=""), "BAD_DATE"),
        (line(updated="2025-02-30"), "BAD_DATE"),
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


def test_the_same_file_again_is_one_capture_and_changes_no_row(refresh, connection):
    first = refresh([line(), line(symbol="B")])
    second = refresh([line(), line(symbol="B")])
    assert first[0]["skipped"] is False
    assert second[0]["skipped"] is True
    assert {**second[0], "skipped": False} == first[0]
    assert second[1:] == first[1:]
    assert connection.execute(text("SELECT count(*) FROM finra_otc_capture")).scalar() == 1


def test_a_changed_quantity_is_a_second_revision_and_going_back_makes_the_first_current(refresh, connection):
    current = text("SELECT capture_id FROM finra_otc_capture WHERE is_current")
    first = refresh([line(), line(symbol="B")])[0]["capture_id"]
    ingest = refresh([line(shares="300"), line(symbol="B")])[0]
    assert ingest["revision"] == 2
    assert connection.execute(current).scalars().all() == [ingest["capture_id"]]
    diff = connection.execute(
        text("SELECT rows_added, rows_removed, rows_changed, delta_shares FROM finra_otc_revision_diff")
    ).one()
    assert tuple(diff) == (0, 0, 1, 200)
    assert refresh([line(), line(symbol="B")])[0]["capture_id"] == first
    assert connection.execute(current).scalars().all() == [first]
    assert connection.execute(text("SELECT count(*) FROM finra_otc_capture")).scalar() == 2


def test_a_revision_that_is_not_aggregated_does_not_become_current(refresh, connection):
    first = refresh([line()])[0]["capture_id"]
    refresh([line(shares="7")], steps=(IngestWeek, NormalizeWeek))
    assert connection.execute(text("SELECT capture_id FROM finra_otc_capture WHERE is_current")).scalar() == first


@pytest.mark.parametrize("tier", ["NMS_TIER_1", "NMS_TIER_2", "OTC"])
def test_a_sample_of_every_tier_passes_the_pipelines(tmp_path, services, tier):
    path = tmp_path / "sample.csv"
    assert write_sample(path, tier_of(tier), week_ending_of(WEEK), 4000) == 4000
    again = tmp_path / "again.csv"
    write_sample(again, tier_of(tier), week_ending_of(WEEK), 4000)
    assert path.read_bytes() == again.read_bytes()
    params = {"tier": tier, "week_ending": WEEK, "file_path": str(path)}
    ingest, normalize, aggregate = (
        run_pipeline(step, params, services) for step in (IngestWeek, NormalizeWeek, AggregateWeek)
    )
    assert (ingest["row_count"], ingest["error_count"]) == (4000, 0)
    assert 0 < normalize["rejected"] < 10
    assert aggregate["invariants_ok"] is True
