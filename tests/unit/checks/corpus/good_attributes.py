# expect: nothing
from datetime import date
from types import SimpleNamespace

from pydantic import BaseModel

from spine_temporal import Step, StepResult, Workflow

FIRST = date(2026, 1, 5)
KNOWN = SimpleNamespace(verdict=StepResult.ok(), strict=False)


class Limits(BaseModel):
    least: int = 1
    verdict: str = ""

    @property
    def none(self):
        return self.least == 0


def check(ctx, config):
    limits = Limits(**config)
    if ctx.started_at.date().year < FIRST.year or limits.none or limits.least < 0:
        return StepResult.fail(limits.verdict or "too early")
    return KNOWN.verdict


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("check", check),
        Step.choice("dry", lambda ctx: ctx.is_dry_run, then_step="normalize"),
        Step.pipeline("normalize", "shop.normalize"),
        Step.choice("strict", lambda ctx: KNOWN.strict, then_step="aggregate"),
        Step.pipeline("aggregate", "shop.aggregate"),
    ],
)
