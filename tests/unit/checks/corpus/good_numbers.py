# expect: nothing
import math
import statistics
from decimal import Decimal

from spine_temporal import Step, StepResult, Workflow


def spread(ctx, config):
    rates = [ctx.get_output("ingest", "error_count", 0), ctx.get_output("normalize", "null_rate", 0)]
    if statistics.fmean(rates) > 0.5 or math.isnan(sum(rates)) or Decimal(str(max(rates))) > Decimal("0.9"):
        return StepResult.fail("too wide")
    return StepResult.ok(output={"mean": round(statistics.fmean(rates), 3)})


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.parallel("both", [Step.pipeline("ingest", "shop.ingest"), Step.pipeline("normalize", "shop.normalize")]),
        Step.lambda_("spread", spread),
    ],
)
