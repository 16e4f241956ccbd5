# expect: SPN109@9 SPN109@10 SPN109@12 SPN109@13
from spine_temporal import Step, StepResult, Workflow


TIERS = {"OTC", "NMS"}


def check(ctx, config):
    names = [tier.lower() for tier in TIERS]
    for key in set(config.get("keys", [])) | {"row_count"}:
        if not ctx.has_output("ingest", key):
            return StepResult.fail(f"no {key} of {', '.join({'a', 'b'})}")
    first = list(TIERS)[0] + next(iter(TIERS)) + names[0]
    if first == "x":
        return StepResult.fail("x")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
