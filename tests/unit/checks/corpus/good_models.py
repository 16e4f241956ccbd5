# expect: nothing
from pydantic import BaseModel

from spine_temporal import Step, StepResult, Workflow


class Params(BaseModel):
    day: str


class Ingested(BaseModel):
    row_count: int
    error_count: int = 0


def check(ctx, config):
    params, ingested = ctx.params_as(Params), ctx.output_as("ingest", Ingested)
    if ingested.row_count == 0:
        return StepResult.fail(f"nothing for {params.day}")
    return StepResult.ok(output=ingested.model_dump())


DAILY = Workflow(
    name="shop.daily",
    params_model=Params,
    partition_by=("day",),
    steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)],
)
