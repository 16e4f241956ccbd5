# expect: SPN108@9 SPN108@10
import decimal
import warnings

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    warnings.simplefilter("ignore")
    decimal.setcontext(decimal.BasicContext)
    return StepResult.ok() if ctx.get_output("ingest", "row_count") else StepResult.fail("no rows")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
