"""The workflows that hostile starts are aimed at."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from spine_temporal import Pipeline, Step, StepResult, Workflow, WorkflowContext, register_pipeline


class Week(BaseModel):
    """Params with types, limits and a part."""

    class Source(BaseModel):
        """Where the data is."""

        path: str = Field(default="none", max_length=200)
        retries: int = Field(default=0, ge=0, le=9)

    week_ending: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    tier: Literal["NMS_TIER_1", "NMS_TIER_2", "OTC"]
    rows: int = Field(default=10, ge=0, le=10_000)
    rate: float = 0.5
    source: Source = Field(default_factory=Source)


@register_pipeline("hostile.echo")
class Echo(Pipeline):
    """Gives a param back as its output."""

    def run(self) -> dict[str, Any]:
        """Return the param ``echo``, and how many params there are."""
        return {"echo": self.params.get("echo"), "row_count": len(self.params)}


def _reads(ctx: WorkflowContext, _config: Any) -> StepResult:
    return StepResult.ok(output={"params": sorted(ctx.params), "twice": ctx.params["twice"] * 2})


FREE = Workflow(name="hostile.free", steps=[Step.pipeline("echo", "hostile.echo")])
TYPED = Workflow(
    name="hostile.typed",
    params_model=Week,
    partition_by=["week_ending", "tier"],
    steps=[Step.pipeline("echo", "hostile.echo")],
)
READING = Workflow(
    name="hostile.reading",
    defaults={"twice": 2},
    steps=[Step.lambda_("read", _reads), Step.pipeline("echo", "hostile.echo")],
)
ALL = (FREE, TYPED, READING)
