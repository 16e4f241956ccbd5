"""The weekly refresh as a whole, its pipelines in one transaction: what it keeps when a gate stops it."""

import json

import pytest
from sqlalchemy import text

from activities.finra.otc_transparency.aggregate import AggregateWeek
from activities.finra.otc_transparency.ingest import IngestWeek
from activities.finra.otc_transparency.normalize import NormalizeWeek
from activities.finra.otc_transparency.parse import COLUMNS
from spine_temporal import WorkflowStatus
from tests.postgres.finra.weekly_file import HEADER, line
from tests.unit.finra.api_stub import Stub, played
from workflows.finra.otc_transparency import WEEKLY_REFRESH

STATUS = text("SELECT status, is_current FROM finra_otc_capture ORDER BY revision")


@pytest.fixture
def weekly(run_workflow, services, tmp_path):
    """Run the workflow on these lines; ``lines=None`` leaves the file out."""

    def run(lines, **params):
        given = {"week_ending": "2025-11-28", "tier": "OTC"} | params
        if lines is not None:
            path = tmp_path / "week.csv"
            path.write_text("\n".join([HEADER, *lines]) + "\n")
            given["file_path"] = str(path)
        return run_workflow(WEEKLY_REFRESH, given, [IngestWeek, NormalizeWeek, AggregateWeek], services=services)

    return run


def good(count=1000, **changes):
    return [line(symbol=f"S{number}", **changes) for number in range(count)]


def test_a_good_week_goes_through_all_five_steps(weekly, connection):
    result = weekly(good())
    assert result.status is WorkflowStatus.COMPLETED
    assert result.completed_steps == ["ingest", "validate_ingest", "normalize", "validate_normalize", "aggregate"]
    assert connection.execute(STATUS).all() == [("AGGREGATED", True)]


@pytest.mark.parametrize(
    ("lines", "step", "category", "words"),
    [
        (good(12), "validate_ingest", "QUALITY_GATE", "Too few records ingested: 12 < 1000"),
        ([*good(), *["OTC|cut"] * 11], "validate_ingest", "DATA_QUALITY", "Too many ingest errors: 11 > 10"),
        ([*good(939), *[line(symbol="")] * 61], "validate_normalize", "DATA_QUALITY", "Null rate too high: 6.1%"),
        (
            [*good(970), *[line(trades="x")] * 30],
            "validate_normalize",
            "DATA_QUALITY",
            "Reject rate too high: 3.0%",
        ),
        (
            [*good(3000), *(line(symbol=f"X{n}", shares=str(n + k)) for n in range(11) for k in (1, 2))],
            "validate_normalize",
            "DATA_QUALITY",
            "Too many keys with different quantities: 11",
        ),
    ],
)
def test_a_gate_stops_the_run_and_the_current_capture_stays(weekly, connection, lines, step, category, words):
    weekly(good())
    result = weekly(lines)
    assert (result.status, result.error_step, result.error_category) == (WorkflowStatus.FAILED, step, category)
    assert words in result.error
    assert "aggregate" not in result.completed_steps
    assert connection.execute(STATUS).all() == [("AGGREGATED", True), ("FAILED_GATE", False)]
    kept = text("SELECT count(*) FROM finra_otc_raw JOIN finra_otc_capture USING (capture_id) WHERE NOT is_current")
    assert connection.execute(kept).scalar() == len(lines)


def test_after_a_failed_file_the_good_one_completes(weekly, connection):
    weekly(good(12))
    assert weekly(good()).status is WorkflowStatus.COMPLETED
    assert connection.execute(STATUS).all() == [("FAILED_GATE", False), ("AGGREGATED", True)]
    again = weekly(good())
    assert again.outputs["ingest"]["skipped"] is True
    assert again.status is WorkflowStatus.COMPLETED


def test_the_same_week_from_the_api_is_the_same_capture_as_from_the_file(weekly, monkeypatch):
    lines = [*good(1199), line(symbol="", name="")]
    rows = [
        dict(zip(COLUMNS, text.split("|"), strict=True))
        | {"weekStartDate": "2025-11-24", "tierIdentifier": "OTCE", "summaryTypeCode": "ATS_W_SMBL_FIRM"}
        for text in lines
    ]
    for row in rows:
        row["totalWeeklyShareQuantity"] = float(row["totalWeeklyShareQuantity"])
        row["totalWeeklyTradeCount"] = int(row["totalWeeklyTradeCount"])
        row["issueSymbolIdentifier"] = row["issueSymbolIdentifier"] or None
    with played(Stub(rows=rows, page=500), monkeypatch):
        api = weekly(None, source="api")
    assert api.status is WorkflowStatus.COMPLETED, api.error
    file = weekly(lines)
    assert file.outputs["ingest"]["capture_id"] == api.outputs["ingest"]["capture_id"]
    assert file.outputs["aggregate"] == api.outputs["aggregate"]
    assert json.dumps(file.outputs)
