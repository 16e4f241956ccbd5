# expect: nothing
from abc import ABC, abstractmethod

from spine_temporal import Pipeline, PipelineResult, Step, StepResult, Workflow, register_pipeline


class _Counting(Pipeline):
    def run(self):
        return PipelineResult.ok(row_count=self.count(), seen=True)

    def count(self):
        return 0


class Fetching(Pipeline, ABC):
    @abstractmethod
    def fetch(self): ...

    def run(self):
        return {"rows": self.fetch()}


@register_pipeline("shop.count")
class Count(_Counting):
    def count(self):
        return int(self.params["rows"])


def check(ctx, config):
    if ctx.get_output("count", "row_count") == 0 or not ctx.get_output("count", "seen"):
        return StepResult.fail("nothing counted")
    return StepResult.ok()


COUNTED = Workflow(name="shop.counted", steps=[Step.pipeline("count", "shop.count"), Step.lambda_("check", check)])
