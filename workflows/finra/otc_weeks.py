"""More than one tier, more than one week: the weekly refresh as a part of larger jobs."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from domains.finra.otc_transparency import TIERS, friday_of, tier_named
from spine_temporal import Step, StepResult, Workflow, WorkflowContext
from workflows.finra.otc_transparency import WEEKLY_REFRESH

#: Weeks that one backfill may span.
MAX_WEEKS = 520


class AllTiersParams(BaseModel):
    """One week, all three tiers; ``file_path`` is a folder of FINRA's weekly files."""

    model_config = ConfigDict(extra="forbid")

    week_ending: str
    file_path: str | None = None

    @model_validator(mode="after")
    def _resolve(self) -> "AllTiersParams":
        self.week_ending = friday_of(self.week_ending, strict=False).isoformat()
        return self


class BackfillParams(BaseModel):
    """One tier, from the first week to the last, both included."""

    model_config = ConfigDict(extra="forbid")

    first_week: str
    last_week: str
    tier: str
    file_path: str | None = None

    @model_validator(mode="after")
    def _resolve(self) -> "BackfillParams":
        first, last = friday_of(self.first_week, strict=False), friday_of(self.last_week, strict=False)
        if not timedelta(0) <= last - first <= timedelta(weeks=MAX_WEEKS):
            raise ValueError(f"BAD_PARAM: last_week {last} must be {first} or up to {MAX_WEEKS} weeks after it")
        self.first_week, self.last_week, self.tier = first.isoformat(), last.isoformat(), tier_named(self.tier)
        return self


def every_tier_has_rows(ctx: WorkflowContext, config: Mapping[str, Any]) -> StepResult:
    """Check the week as a whole: each tier refreshed, with enough rows between them."""
    rows = {
        tier: refreshed.get("ingest", {}).get("row_count", 0) for tier, refreshed in ctx.get_output("tiers").items()
    }
    total = sum(rows.values())
    if total < config["min_rows"]:
        return StepResult.fail(f"Too few records in all tiers: {total} < {config['min_rows']}", "QUALITY_GATE")
    return StepResult.ok(output={"row_count": total, "rows": rows})


def weeks(ctx: WorkflowContext) -> list[str]:
    """Return the Fridays of the range, oldest first."""
    first, last = date.fromisoformat(ctx.params["first_week"]), date.fromisoformat(ctx.params["last_week"])
    return [(first + timedelta(weeks=week)).isoformat() for week in range((last - first).days // 7 + 1)]


ALL_TIERS = Workflow(
    name="finra.otc_transparency.all_tiers",
    domain="finra.otc_transparency",
    description="All three tiers of one week, side by side, and one gate over all",
    params_model=AllTiersParams,
    partition_by=("week_ending",),
    steps=[
        Step.parallel("tiers", [Step.workflow(tier.lower(), WEEKLY_REFRESH, {"tier": tier}) for tier in TIERS]),
        Step.lambda_("every_tier_has_rows", every_tier_has_rows, {"min_rows": 3000}),
    ],
)

BACKFILL = Workflow(
    name="finra.otc_transparency.backfill",
    domain="finra.otc_transparency",
    description="One tier, week by week; weeks that are complete are not done again",
    params_model=BackfillParams,
    partition_by=("first_week", "last_week", "tier"),
    steps=[Step.map("weeks", weeks, WEEKLY_REFRESH, item_param="week_ending", max_concurrency=2, on_error="CONTINUE")],
)
