# expect: SPN101@12
import time

from spine_temporal import Step, StepResult, Workflow


class Clock:
    def now(self):
        return self._read()

    def _read(self):
        return time.perf_counter()


CLOCK = Clock()


def check(ctx, config):
    if CLOCK.now() > 60:
        return StepResult.fail("late")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
