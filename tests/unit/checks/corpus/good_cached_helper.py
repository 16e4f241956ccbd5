# expect: nothing
import re
from functools import lru_cache

from spine_temporal import Step, StepResult, Workflow

_WEEK = re.compile(r"\d{4}-\d{2}-\d{2}")


@lru_cache
def is_week(text):
    return bool(_WEEK.fullmatch(text))


def check(ctx, config):
    import textwrap

    week = ctx.params["week"]
    if not is_week(week):
        return StepResult.fail(textwrap.shorten(f"{week} is no week", 80), "CONFIGURATION")
    return StepResult.ok(output={"week": week})


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
