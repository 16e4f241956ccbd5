# expect: SPN302@5
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    a, b, c = ctx.params["a"], ctx.params["b"], ctx.params["c"]
    price = (a * 2 + b * 3 - c / 4) * (a - b) / (b + c) + a * b * c - a / 2
    fee = price * 0.01 + a * 0.02 - b * 0.03
    if price + fee > 100:
        return StepResult.fail("dear")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
