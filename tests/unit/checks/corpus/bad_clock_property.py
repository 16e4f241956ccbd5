# expect: SPN101@10
from datetime import date

from spine_temporal import Step, StepResult, Workflow


class Clock:
    @property
    def today(self):
        return date.today()


def check(ctx, config):
    if str(Clock().today) != ctx.params["day"]:
        return StepResult.fail("another day")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
