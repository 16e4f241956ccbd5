# expect: SPN508@10 SPN508@11
from spine_temporal import Step, Workflow, WorkflowRunner


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("aggregate", "shop.aggregate")])


def main():
    runner = WorkflowRunner()
    runner.execute(DAILY, params={})
    WorkflowRunner().execute(DAILY, params={})
