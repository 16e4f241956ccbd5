# expect: SPN108@9 SPN108@10 SPN108@11
from spine_temporal import Step, StepResult, Workflow


class Count:
    total = 0

    def __call__(self, ctx, config):
        self.total += 1
        Count.total = 2
        setattr(Count, "total", 3)
        return StepResult.ok() if ctx.params else StepResult.fail("none")


check = Count()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
