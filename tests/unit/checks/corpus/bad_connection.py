# expect: SPN107@8
from spine.framework.db import get_connection

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    rows = get_connection().execute("COUNT").fetchone()[0]
    return StepResult.ok() if rows else StepResult.fail("no rows")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
