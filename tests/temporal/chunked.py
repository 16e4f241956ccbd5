"""Workflows whose pipeline commits in parts, or gives a large output."""

from pathlib import Path

from spine_temporal import (
    ErrorCategory,
    Pipeline,
    RetryPolicy,
    SpineError,
    Step,
    StepResult,
    Workflow,
    register_pipeline,
)

PARTS = 5


@register_pipeline("chunked.parts")
class Parts(Pipeline):
    """Commits five parts, and does after the third what it is told."""

    transactional = False

    def run(self):
        (done,) = self.progress or (0,)
        for part in range(done + 1, PARTS + 1):
            with self.transaction():
                self.record_anomaly(f"PART_{part}", f"attempt {self.attempt}", severity="INFO")
            self.heartbeat(part)
            if part == 3 and self.attempt == 1:
                self._then()
        return {"row_count": PARTS, "began_at": done}

    def _then(self):
        match self.params.get("then"):
            case "transient":
                raise SpineError("not now", ErrorCategory.TRANSIENT)
            case "connection":
                self.connection.exec_driver_sql("SELECT 1")
            case "cancelled":
                Path(self.params["marker"]).touch()
                while True:
                    with self.transaction() as connection:
                        connection.exec_driver_sql("SELECT pg_sleep(0.05)")
            case "heartbeat":
                self.heartbeat({1, 2})


@register_pipeline("chunked.big")
class Big(Pipeline):
    """Gives an output of three megabytes."""

    def run(self):
        return {"row_count": 1, "blob": "x" * 3_000_000}


def measured(ctx, config):
    return StepResult.ok(output={"length": len(ctx.get_output("big", "blob"))})


CHUNKED = Workflow(
    name="chunked",
    steps=[Step.pipeline("parts", "chunked.parts", retry=RetryPolicy(initial_interval=0.05), heartbeat_timeout=3)],
)
BIG = Workflow(
    name="chunked.big",
    steps=[Step.pipeline("big", "chunked.big"), Step.lambda_("measure", measured), Step.lambda_("again", measured)],
)
