"""The worked examples of the documentation, on real servers."""

import asyncio
from datetime import date

from activities.finra.otc_transparency import aggregate, ingest, normalize
from activities.finra.otc_transparency.sample_data import write_sample
from activities.finra.otc_transparency.week import tier_of
from domains.finra.otc_transparency import TIERS
from domains.finra.publication import publication_monday
from spine_temporal import WorkflowStatus
from tests.temporal.test_held_gates import held
from workflows.finra.otc_transparency import WEEKLY_REFRESH
from workflows.finra.otc_weeks import ALL_TIERS, BACKFILL

PIPELINES = (ingest, normalize, aggregate)  # importing them registers the pipelines
TOKENS = {"NMS_TIER_1": 1000, "NMS_TIER_2": 1000, "OTC": 1200}


def write(folder, tier, week, rows):
    named = tier_of(tier)
    day = publication_monday(week, tier)
    write_sample(folder / f"finra_otc_weekly_{named.file_token}_{day:%Y%m%d}.csv", named, week, rows)


async def test_three_tiers_side_by_side_with_one_gate_over_all(serve, tmp_path):
    for tier in TIERS:
        write(tmp_path, tier, date(2025, 11, 28), TOKENS[tier])
    async with serve(ALL_TIERS) as service:
        result = await service.client.execute(ALL_TIERS, {"week_ending": "2025-11-28", "file_path": str(tmp_path)})
    assert result.status is WorkflowStatus.COMPLETED, result.error
    assert result.outputs["every_tier_has_rows"]["rows"] == {tier.lower(): TOKENS[tier] for tier in TIERS}


async def test_a_backfill_over_weeks_does_complete_weeks_once(serve, tmp_path):
    for day in (7, 14, 28):
        write(tmp_path, "OTC", date(2025, 11, day), 1000)
    params = {"first_week": "2025-11-07", "last_week": "2025-11-28", "tier": "OTC", "file_path": str(tmp_path)}
    async with serve(BACKFILL) as service:
        partly = await service.client.execute(BACKFILL, params)
        assert partly.status is WorkflowStatus.PARTIAL
        assert list(partly.outputs["weeks"]["errors"]) == ["2"]  # the third week has no file
        write(tmp_path, "OTC", date(2025, 11, 21), 1000)
        again = await service.client.execute(BACKFILL, params)
        assert again.status is WorkflowStatus.COMPLETED
        assert [week["ingest"]["row_count"] for week in again.outputs["weeks"]["results"]] == [1000] * 4
        ran = service.rows("SELECT count(*) FROM core_executions WHERE step = 'ingest' AND status = 'COMPLETED'")
    assert ran == [(4,)]


async def test_a_short_week_is_held_and_waived(serve, tmp_path):
    write(tmp_path, "OTC", date(2025, 11, 28), 500)
    params = {"week_ending": "2025-11-28", "tier": "OTC", "file_path": str(tmp_path)}
    async with serve(WEEKLY_REFRESH) as service:
        handle = await service.client.start(WEEKLY_REFRESH, params, on_gate_failure="hold")
        await held(handle, "validate_ingest")
        await handle.decide("waive", "validate_ingest", by="ann", reason="Thanksgiving: half a week")
        result = await asyncio.wait_for(handle.result(), 60)
    assert result.status is WorkflowStatus.COMPLETED, result.error
    assert result.outputs["aggregate"]["row_count"] > 0
