# expect: SPN101@10 SPN101@12
import time

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    class Clock:
        def now(self):
            return time.time()

    def late(limit=time.monotonic()):
        return limit > 60

    if Clock().now() > 60 or late():
        return StepResult.fail("late")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
