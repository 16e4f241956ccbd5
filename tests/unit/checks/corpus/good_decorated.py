# expect: nothing
import functools

from spine_temporal import Step, StepResult, Workflow


def needs(step):
    def decorate(gate):
        @functools.wraps(gate)
        def asked(ctx, config):
            if not ctx.has_output(step):
                return StepResult.fail(f"{step} gave nothing", "STEP_ERROR")
            return gate(ctx, config)

        return asked

    return decorate


@needs("ingest")
def check(ctx, config):
    if ctx.get_output("ingest", "row_count") < 10:
        return StepResult.fail("too few")
    return StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
