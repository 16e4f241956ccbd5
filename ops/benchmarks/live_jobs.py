"""What runs live beside a backfill of it: two pipelines that wait for a source as a download does, and a gate."""

import time

from pydantic import BaseModel

from spine_temporal import Pipeline, Step, StepResult, Workflow, WorkflowContext, register_pipeline

#: Seconds of a pipeline: longer than what a worker runs within the workflow task.
_SECONDS = 0.4


class Params(BaseModel):
    """Which partition."""

    shard: int


@register_pipeline("bench.download")
class Download(Pipeline):
    """Waits for its source."""

    def run(self) -> dict[str, int]:
        """Give a count."""
        time.sleep(_SECONDS)
        return {"row_count": 1000}


def check(context: WorkflowContext, config: object) -> StepResult:
    """Let the rows pass."""
    del config
    return StepResult.ok(output={"rows": context.get_output("load", "row_count", 0)})


LIVE = Workflow(
    name="bench.live",
    params_model=Params,
    partition_by=("shard",),
    steps=[
        Step.pipeline("load", "bench.download"),
        Step.lambda_("check", check),
        Step.pipeline("publish", "bench.download"),
    ],
)
