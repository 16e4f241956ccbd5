# expect: SPN111@10 SPN111@11 SPN111@12 SPN111@13
import ctypes
import gc
import signal

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    gc.disable()
    signal.alarm(5)
    ctypes.CDLL(None)
    breakpoint()
    return StepResult.ok() if ctx.get_output("ingest", "row_count") else StepResult.fail("no rows")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
