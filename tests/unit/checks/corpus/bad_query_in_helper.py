# expect: SPN107@10
from spine_temporal import Step, StepResult, Workflow


def _scalar(run, statement):
    return run(statement)


def check(ctx, config):
    if _scalar(config["run"], "SELECT max(day) FROM trades") is None:
        return StepResult.fail("none")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
