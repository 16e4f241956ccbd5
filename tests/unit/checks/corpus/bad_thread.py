# expect: SPN104@8 SPN104@9
from concurrent.futures import ThreadPoolExecutor

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    with ThreadPoolExecutor() as pool:
        pool.submit(print)
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
