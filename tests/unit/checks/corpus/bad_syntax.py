# expect: SPN001@3
def check(ctx, config):
    return StepResult.ok(
