# expect: SPN112@9 SPN112@18 SPN112@20
import itertools

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    rows, tried = ctx.get_output("ingest", "row_count"), 0
    while True:
        for part in range(rows):
            if part > tried:
                break
        tried += 1


def check_again(ctx, config):
    rows, tried = ctx.get_output("ingest", "row_count"), 0
    while rows > 10 and not config:
        tried += 1
    for number in itertools.count():
        tried += number
    return StepResult.fail(f"{tried}")


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("check", check),
        Step.lambda_("check_again", check_again),
    ],
)
