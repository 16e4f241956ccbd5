# expect: SPN105@8
import subprocess

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if subprocess.run(["true"]).returncode:
        return StepResult.fail("no")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
