"""Weeks, tiers and publication days, as the rooms on both sides of the wall see them."""

from datetime import date

import pytest
from pydantic import ValidationError

from activities.finra.otc_transparency import week
from domains.finra.publication import publication_day
from spine_temporal import SpineError
from workflows.finra import otc_transparency as workflow


@pytest.mark.parametrize(
    ("given", "friday"),
    [
        ("2025-11-28", "2025-11-28"),
        ("2025-01-09", "2025-01-10"),
        ("2025-11-25", "2025-11-28"),
        ("2025-11-29", "2025-11-28"),
        ("2025-11-30", "2025-11-28"),
        ("2025-04-18", "2025-04-18"),
    ],
)
def test_a_day_is_its_weeks_friday_in_both_rooms(given, friday):
    assert week.week_ending_of(given).isoformat() == friday
    assert workflow.friday_of(given, strict=False).isoformat() == friday


@pytest.mark.parametrize(
    "given",
    [
        "2025-11-24",
        "2025-13-40",
        "",
        "28.11.2025",
        "20251128",
        "2025-1-1",
        "2025-W48-5",
        " 2025-11-28",
        "2025-11-28T00:00",
        "0001-01-01",
        "9999-12-31",
        "\u0662\u0660\u0662\u0665-11-28",
    ],
)
def test_what_is_no_week_is_refused_in_both_rooms(given):
    with pytest.raises(SpineError) as there:
        week.week_ending_of(given)
    with pytest.raises(ValueError, match="BAD_") as here:
        workflow.friday_of(given, strict=False)
    assert str(there.value) == str(here.value)


@pytest.mark.parametrize(
    "text", ["OTC", "otce", " NMS Tier 1 ", "t1", "TIER2", "nms_tier_2", "T3", "NMS", "", "my otc file"]
)
def test_both_rooms_know_the_same_tiers(text):
    try:
        named = week.tier_of(text).name
    except SpineError as error:
        with pytest.raises(ValueError, match="BAD_PARAM") as here:
            workflow.tier_named(text)
        assert str(here.value) == str(error)
    else:
        assert workflow.tier_named(text) == named


@pytest.mark.parametrize(
    ("friday", "tier", "published"),
    [
        ("2025-01-10", "NMS_TIER_1", "2025-01-27"),
        ("2025-01-10", "OTC", "2025-02-10"),
        ("2025-11-28", "OTC", "2025-12-29"),
        ("2025-11-21", "OTC", "2025-12-22"),
        ("2026-09-11", "NMS_TIER_1", "2026-09-28"),
        ("2025-01-03", "NMS_TIER_1", "2025-01-21"),  # the Monday is Martin Luther King's day
        ("2025-05-09", "NMS_TIER_1", "2025-05-27"),  # Memorial Day
        ("2025-08-01", "OTC", "2025-09-02"),  # Labor Day
    ],
)
def test_a_week_is_published_on_the_first_business_day_from_its_monday(friday, tier, published):
    assert publication_day(date.fromisoformat(friday), tier).isoformat() == published


def test_params_of_one_week_are_one_partition_and_keep_what_was_asked_for():
    params = workflow.WeeklyRefreshParams(week_ending="2025-01-09", tier="t1")
    assert (params.week_ending, params.week_ending_requested) == ("2025-01-10", "2025-01-09")
    assert (params.tier, params.source) == ("NMS_TIER_1", "api")
    again = workflow.WeeklyRefreshParams.model_validate(params.model_dump())
    assert again == params
    with pytest.raises(ValidationError, match="file_path is missing"):
        workflow.WeeklyRefreshParams(week_ending="2025-01-10", tier="OTC", source="file")


def test_before_its_publication_a_week_is_to_come_back_to():
    friday, tier = date(2025, 11, 28), week.TIERS["OTC"]
    early = week.not_published(friday, tier, date(2025, 12, 28))
    assert str(early).startswith("NOT_PUBLISHED_YET: OTC of week ending 2025-11-28 is published on 2025-12-29")
    assert early.metadata == {"expected_publication": "2025-12-29"}
    assert week.not_published(friday, tier, date(2025, 12, 29)) is None


def test_a_wrong_param_is_refused_with_its_code_before_a_run_starts():
    from spine_temporal.definition.params import resolve_params

    good = {"week_ending": "2025-11-28", "tier": "OTC", "file_path": "week.csv"}
    for change, code in [
        ({"tier": "T3"}, "BAD_PARAM"),
        ({"week_ending": "2025-13-40"}, "BAD_PARAM"),
        ({"week_ending": ""}, "BAD_PARAM"),
        ({"week_ending": "2025-11-24"}, "BAD_WEEK_ENDING"),
        ({"week_ending": "2025-11-27", "strict_week_ending": True}, "BAD_WEEK_ENDING"),
        ({"source": "ftp"}, "'file' or 'api'"),
        ({"week_endng": "2025-11-28"}, "did you mean 'week_ending'"),
        ({"tier": None}, "BAD_PARAM"),
        ({"tier": 1}, "BAD_PARAM"),
        ({"week_ending": None}, "BAD_PARAM"),
        ({"week_ending": 20251128}, "BAD_PARAM"),
        ({"source": "file", "file_path": None}, "BAD_PARAM"),
    ]:
        with pytest.raises(SpineError, match=code):
            resolve_params(workflow.WEEKLY_REFRESH, good | change)


def test_the_seeds_day_is_the_friday_after_it():
    from spine_temporal.definition.params import partition_of, resolve_params, workflow_id

    ids = set()
    for given in ("2025-01-09", "2025-01-10"):
        params = resolve_params(workflow.WEEKLY_REFRESH, {"week_ending": given, "tier": "NMS_TIER_1"})
        ids.add(workflow_id(workflow.WEEKLY_REFRESH, partition_of(workflow.WEEKLY_REFRESH, params)))
    assert ids == {"finra.otc_transparency.weekly_refresh/week_ending=2025-01-10,tier=NMS_TIER_1"}


def test_the_gates_are_given_the_limits_that_the_pipelines_go_by():
    from dataclasses import asdict

    from domains.finra.otc_transparency import GATES

    configs = [dict(step.config) for step in workflow.WEEKLY_REFRESH.steps if hasattr(step, "config")]
    assert configs[0] | configs[1] == asdict(GATES)
