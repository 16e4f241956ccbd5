# expect: SPN108@9
from spine_temporal import Step, StepResult, Workflow


SEEN = set()


def _remember(seen, day):
    seen.add(day)


def check(ctx, config):
    _remember(SEEN, ctx.params["day"])
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
