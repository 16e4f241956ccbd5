"""FINRA's weekly OTC transparency refresh: ingest, check, normalize, check, aggregate."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from domains.finra.otc_transparency import GATES, friday_of, tier_named
from spine_temporal import QualityCheck, QualityMetrics, Step, StepResult, Workflow, WorkflowContext


class WeeklyRefreshParams(BaseModel):
    """What the refresh takes. ``week_ending`` is resolved to its Friday, so that every day of a week is one run."""

    model_config = ConfigDict(extra="forbid")

    week_ending: str
    tier: str
    source: Literal["file", "api"] | None = None
    file_path: str | None = None
    strict_week_ending: bool = False
    allow_week_mismatch: bool = False
    week_ending_requested: str | None = None

    @field_validator("week_ending", "tier", mode="before")
    @classmethod
    def _is_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError(f"BAD_PARAM: {value!r} must be a string")  # noqa: TRY004 - pydantic reports ValueErrors
        return value

    @model_validator(mode="after")
    def _resolve(self) -> "WeeklyRefreshParams":
        requested = self.week_ending_requested or self.week_ending
        self.week_ending = friday_of(self.week_ending, strict=self.strict_week_ending).isoformat()
        self.week_ending_requested = None if requested == self.week_ending else requested
        self.tier = tier_named(self.tier)
        self.source = self.source or ("file" if self.file_path else "api")
        if self.source == "file" and not self.file_path:
            raise ValueError("BAD_PARAM: file_path is missing: source 'file' needs a weekly file or a folder of them")
        return self


def validate_ingest(ctx: WorkflowContext, config: Mapping[str, Any]) -> StepResult:
    """Check that enough rows came, and few of them broken."""
    missing = _missing(ctx, "ingest", "row_count", "error_count")
    if missing:
        return missing
    rows, errors = ctx.get_output("ingest", "row_count"), ctx.get_output("ingest", "error_count")
    least, most = config.get("min_rows", GATES.min_rows), config.get("max_errors", GATES.max_errors)
    quality = QualityMetrics.of(
        QualityCheck.at_least("row_count", rows, least), QualityCheck.at_most("error_count", errors, most)
    )
    if rows < least:
        return StepResult.fail(f"Too few records ingested: {rows} < {least}", "QUALITY_GATE", quality=quality)
    if errors > most:
        return StepResult.fail(f"Too many ingest errors: {errors} > {most}", "DATA_QUALITY", quality=quality)
    return StepResult.ok(output={"validated": True, "row_count": rows}, quality=quality)


def validate_normalize(ctx: WorkflowContext, config: Mapping[str, Any]) -> StepResult:
    """Check that few rows had blanks, were rejected, or contradicted each other."""
    missing = _missing(ctx, "normalize", "null_rate", "reject_rate", "duplicate_conflict_keys")
    if missing:
        return missing
    nulls, rejects = ctx.get_output("normalize", "null_rate"), ctx.get_output("normalize", "reject_rate")
    conflicts = ctx.get_output("normalize", "duplicate_conflict_keys")
    checks = {
        f"Null rate too high: {nulls:.1%}": QualityCheck.at_most(
            "null_rate", nulls, config.get("max_null_rate", GATES.max_null_rate)
        ),
        f"Reject rate too high: {rejects:.1%}": QualityCheck.at_most(
            "reject_rate", rejects, config.get("max_reject_rate", GATES.max_reject_rate)
        ),
        f"Too many keys with different quantities: {conflicts}": QualityCheck.at_most(
            "duplicate_conflict_keys", conflicts, config.get("max_conflicts", GATES.max_conflicts)
        ),
    }
    quality = QualityMetrics.of(*checks.values())
    for error, check in checks.items():
        if not check.passed:
            return StepResult.fail(error, "DATA_QUALITY", quality=quality)
    return StepResult.ok(output={"null_rate": nulls, "reject_rate": rejects}, quality=quality)


def _missing(ctx: WorkflowContext, step: str, *keys: str) -> StepResult | None:
    for key in keys:
        value = ctx.get_output(step, key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return StepResult.fail(
                f"GATE_INPUT_MISSING: step {step!r} gave no number {key!r}, so it cannot be checked", "DATA_QUALITY"
            )
    return None


WEEKLY_REFRESH = Workflow(
    name="finra.otc_transparency.weekly_refresh",
    domain="finra.otc_transparency",
    description="Weekly OTC data refresh: ingest, validate, normalize, aggregate",
    params_model=WeeklyRefreshParams,
    partition_by=("week_ending", "tier"),
    tags=("finra", "weekly"),
    steps=[
        Step.pipeline(
            "ingest",
            "finra.otc_transparency.ingest_week",
            stage="INGESTED",
            sample_output={"row_count": 5000, "error_count": 0},
        ),
        Step.lambda_("validate_ingest", validate_ingest, {"min_rows": GATES.min_rows, "max_errors": GATES.max_errors}),
        Step.pipeline(
            "normalize",
            "finra.otc_transparency.normalize_week",
            stage="NORMALIZED",
            sample_output={"null_rate": 0.0, "reject_rate": 0.0, "duplicate_conflict_keys": 0},
        ),
        Step.lambda_(
            "validate_normalize",
            validate_normalize,
            {
                "max_null_rate": GATES.max_null_rate,
                "max_reject_rate": GATES.max_reject_rate,
                "max_conflicts": GATES.max_conflicts,
            },
        ),
        Step.pipeline("aggregate", "finra.otc_transparency.aggregate_week", stage="AGGREGATED"),
    ],
)
