# expect: nothing
import itertools

from spine_temporal import Step, StepResult, Workflow


def halved(number):
    while True:
        if number < 2:
            return number
        number //= 2


def check(ctx, config):
    rows, digits = ctx.get_output("ingest", "row_count"), 0
    while rows > 0:
        rows, digits = rows // 10, digits + 1
    for number in itertools.count():
        if 2**number > digits:
            break
    left = [1, 2, 3]
    while left:
        left.pop()
    waiting = iter("abc")
    try:
        while True:
            next(waiting)
    except StopIteration:
        pass
    return StepResult.ok() if halved(digits) else StepResult.fail("no digits")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
