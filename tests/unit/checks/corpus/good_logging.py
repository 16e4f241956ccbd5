# expect: nothing
import logging

from spine_temporal import Step, StepResult, Workflow

log = logging.getLogger(__name__)


def check(ctx, config):
    rows = ctx.get_output("ingest", "row_count", 0)
    log.info("rows %s of %s", rows, ctx.partition)
    print("rows", rows)
    if rows == 0:
        log.warning("nothing came")
        return StepResult.fail("nothing came")
    return StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
