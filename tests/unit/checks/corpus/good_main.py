# expect: nothing
from spine_temporal import Step, StepResult, Workflow, WorkflowRunner


def check(ctx, config):
    if ctx.get_output("ingest", "row_count", 0) == 0:
        return StepResult.fail("nothing came")
    return StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])


def run(params):
    runner = WorkflowRunner()
    result = runner.execute(DAILY, params=params)
    if result.error:
        print(result.error_step, result.error)
    return result


if __name__ == "__main__":
    print(WorkflowRunner().execute(DAILY, params={}).status)
