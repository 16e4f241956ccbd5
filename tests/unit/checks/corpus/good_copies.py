# expect: nothing
import json

from spine_temporal import Step, StepResult, Workflow

DEFAULTS = {"least": 1}
NAMES = ["row_count"]
KNOWN = {"OTC"}


def check(ctx, config):
    limits = DEFAULTS.copy()
    limits["most"] = 10
    names = NAMES[:]
    names.append("error_count")
    more = [*NAMES, "x"]
    more[0] = "y"
    tiers = KNOWN.union(["NMS"])
    tiers.add("ADF")
    both = {**DEFAULTS, **json.loads(ctx.params.get("limits", "{}"))}
    both.update(limits)
    if ctx.get_output("ingest", names[0], 0) < both["least"] or len(more) > len(tiers):
        return StepResult.fail("too few")
    return StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
