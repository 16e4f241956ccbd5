# expect: SPN106@6 SPN106@8
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    import urllib.request

    if urllib.request.urlopen(ctx.params["url"]).status != 200:
        return StepResult.fail("away")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
