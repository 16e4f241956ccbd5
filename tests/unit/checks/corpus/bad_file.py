# expect: SPN105@11 SPN105@13
from pathlib import Path

from spine_temporal import Step, StepResult, Workflow


LIMITS = Path("limits.json")


def check(ctx, config):
    if len(open("week.csv").readlines()) < 10:
        return StepResult.fail("short")
    if LIMITS.exists() or (Path("a") / "b").read_text():
        return StepResult.fail("limits")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
