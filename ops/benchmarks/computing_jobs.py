"""Three steps that compute: in the worker's processes, and in its threads."""

import time

from spine_temporal import Pipeline, Step, Workflow, register_pipeline

#: Processor seconds of a step.
_SECONDS = 0.1


@register_pipeline("bench.compute")
class Compute(Pipeline):
    """Computes in Python, as one that parses a file does."""

    def run(self) -> dict[str, int]:
        """Give a count."""
        until, count = time.thread_time() + _SECONDS, 0
        while time.thread_time() < until:
            count += sum(range(1000))
        return {"row_count": count}


def _workflow(name: str, *, local: bool) -> Workflow:
    steps = [Step.pipeline(f"compute{number}", Compute.name, local=local) for number in range(3)]
    return Workflow(name=name, domain="bench", partition_by=["number"], steps=steps)


PROCESSES, THREADS = _workflow("bench.processes", local=False), _workflow("bench.threads", local=True)
