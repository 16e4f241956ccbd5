"""A module that was written for Spine: every name is imported from there."""

from spine.framework.db import get_connection
from spine.framework.pipelines import Pipeline, PipelineResult, PipelineStatus
from spine.framework.registry import register_pipeline

from spine.orchestration import Step, StepResult, Workflow


@register_pipeline("shop.ingest")
class Ingest(Pipeline):
    """Fetches a day's prices."""

    def run(self):
        conn = get_connection()
        conn.execute("CREATE TABLE IF NOT EXISTS shop_price (day text, name text, PRIMARY KEY (day, name))")
        rows = [(self.params["day"], name) for name in ("a", "b?")]
        conn.executemany("INSERT INTO shop_price VALUES (?, ?) ON CONFLICT DO NOTHING", rows)
        conn.commit()
        return PipelineResult(status=PipelineStatus.COMPLETED, started_at=None, metrics={"row_count": len(rows)})


def check(ctx, config):
    """Lambda: enough rows, as the older implementation gives them."""
    rows = ctx.get_output("ingest", "pipeline_result")["metrics"]["row_count"]
    if rows < config.get("least", 3):
        return StepResult.fail(f"Too few records: {rows}", "QUALITY_GATE")
    return StepResult.ok(output={"validated": True})


PRICES = Workflow(
    name="shop.prices",
    domain="shop",
    steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check, {"least": 3})],
)
