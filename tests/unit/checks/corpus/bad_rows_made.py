# expect: SPN301@6 SPN301@8 SPN301@11
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    rows = [{**row, "tier": "OTC"} for row in ctx.params["rows"]]
    for row in rows:
        row["price"] = float(row["price"])
    kept = []
    for row in rows:
        kept.append({"symbol": row["symbol"]})
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
