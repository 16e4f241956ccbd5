"""A workflow whose params have a run option's name, above one that has none of its own."""

from spine_temporal import Step, StepResult, Workflow


def saw(ctx, config):
    return StepResult.ok(output={"force": ctx.params.get("force")})


BELOW = Workflow(name="forced.below", steps=[Step.lambda_("look", saw)])
ABOVE = Workflow(name="forced.above", defaults={"force": False}, steps=[Step.workflow("below", BELOW)])
