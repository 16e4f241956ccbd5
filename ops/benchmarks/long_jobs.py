"""Jobs that grow: many steps, many items. A module of its own, as a run loads the module of its definition anew."""

from ops.benchmarks import job
from spine_temporal import Step, Workflow


def _long(count: int) -> Workflow:
    steps = [Step.pipeline(f"step{number}", job.INGEST) for number in range(count)]
    return Workflow(name=f"bench.steps_{count}", domain="bench", partition_by=["number"], steps=steps)


STEPS_5, STEPS_50, STEPS_500 = _long(5), _long(50), _long(500)
#: Steps that run at once.
WIDTH = 12
PARALLEL = Workflow(
    name="bench.parallel",
    domain="bench",
    partition_by=["number"],
    steps=[Step.parallel("fan", [Step.pipeline(f"step{place}", job.INGEST) for place in range(WIDTH)])],
)
#: As many items as the run's number says.
ITEMS = Workflow(
    name="bench.items",
    domain="bench",
    partition_by=["number"],
    steps=[
        Step.map(
            "fan",
            lambda ctx: list(range(ctx.get_param("number"))),
            Workflow(name="bench.item", steps=[Step.pipeline("item", job.INGEST)]),
            max_concurrency=50,
        )
    ],
)
