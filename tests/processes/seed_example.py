"""
Example: Weekly OTC data refresh workflow.

Orchestrates: ingest → validate → normalize → aggregate
"""
from spine.orchestration import Workflow, Step, StepResult


def validate_ingest(ctx, config):
    """Lambda: Check ingest quality before normalize."""
    result = ctx.get_output("ingest")
    
    if result.get("row_count", 0) < 1000:
        return StepResult.fail("Too few records ingested", "QUALITY_GATE")
    
    if result.get("error_count", 0) > 10:
        return StepResult.fail("Too many ingest errors", "DATA_QUALITY")
    
    return StepResult.ok(output={
        "validated": True,
        "row_count": result.get("row_count"),
    })


def validate_normalize(ctx, config):
    """Lambda: Check normalize quality before aggregate."""
    result = ctx.get_output("normalize")
    
    null_rate = result.get("null_rate", 0)
    if null_rate > 0.05:
        return StepResult.fail(f"Null rate too high: {null_rate:.1%}", "DATA_QUALITY")
    
    return StepResult.ok()


WEEKLY_REFRESH = Workflow(
    name="finra.otc_transparency.weekly_refresh",
    domain="finra.otc_transparency",
    description="Weekly OTC data refresh: ingest, validate, normalize, aggregate",
    steps=[
        Step.pipeline("ingest", "finra.otc_transparency.ingest_week"),
        Step.lambda_("validate_ingest", validate_ingest),
        Step.pipeline("normalize", "finra.otc_transparency.normalize_week"),
        Step.lambda_("validate_normalize", validate_normalize),
        Step.pipeline("aggregate", "finra.otc_transparency.aggregate_week"),
    ],
)


# Usage
if __name__ == "__main__":
    from spine.orchestration import WorkflowRunner
    
    runner = WorkflowRunner()
    result = runner.execute(
        WEEKLY_REFRESH,
        params={"week_ending": "2025-01-09", "tier": "NMS_TIER_1"}
    )
    
    print(f"Status: {result.status}")
    print(f"Completed steps: {result.completed_steps}")
    if result.error:
        print(f"Error at {result.error_step}: {result.error}")
