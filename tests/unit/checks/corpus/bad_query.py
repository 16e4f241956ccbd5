# expect: SPN107@6 SPN107@8
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    import sqlite3

    if sqlite3.connect("x.db").execute("SELECT count(*) FROM trades").fetchone()[0] == 0:
        return StepResult.fail("none")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
