# expect: nothing
from dataclasses import dataclass
from enum import StrEnum

from spine_temporal import Step, StepResult, Workflow


class Fault(StrEnum):
    FEW = "QUALITY_GATE"
    BROKEN = "DATA_QUALITY"


@dataclass(frozen=True)
class Limit:
    key: str
    most: float
    fault: Fault = Fault.BROKEN

    def broken(self, ctx):
        return ctx.get_output("ingest", self.key, 0) > self.most


LIMITS = [Limit("error_count", 10), Limit("row_count", 1_000_000, Fault.FEW)]


def check(ctx, config):
    broken = [limit for limit in LIMITS if limit.broken(ctx)]
    if broken:
        return StepResult.fail(f"{broken[0].key} is over {broken[0].most}", broken[0].fault)
    return StepResult.ok(output={"checked": len(LIMITS)})


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
