# expect: SPN302@14
from spine_temporal import Step, StepResult, Workflow


def _score(rows, rules):
    score = 0
    for row in rows:
        for rule in rules:
            for weight in rule:
                score = max(score, row[weight])
    return score


def check(ctx, config):
    if _score(ctx.params["rows"], ctx.params["rules"]) > 3:
        return StepResult.fail("score")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
