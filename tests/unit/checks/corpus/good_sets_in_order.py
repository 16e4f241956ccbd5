# expect: nothing
from spine_temporal import Step, StepResult, Workflow

KNOWN = {"OTC", "NMS"}


def check(ctx, config):
    tiers = set(ctx.params.get("tiers", []))
    unknown = sorted(tier for tier in tiers - KNOWN)
    if unknown or any(tier in KNOWN for tier in {"X"}) or len(tiers) > 3:
        return StepResult.fail(f"unknown: {', '.join(unknown)}", "CONFIGURATION")
    for tier in sorted(tiers):
        if ctx.get_param(tier) is None:
            return StepResult.fail(f"no {tier}")
    return StepResult.ok(output={"tiers": sorted({*tiers, "OTC"})})


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
