"""A small workflow for killed workers: it waits for its turn, writes rows, asks a gate, writes again."""

from spine_temporal import ErrorCategory, Limit, Pipeline, SpineError, Step, StepResult, Workflow, register_pipeline


@register_pipeline("crash.write")
class Write(Pipeline):
    """Writes three rows that have no key: one too many would stay."""

    def run(self):
        for number in range(3):
            self.connection.exec_driver_sql(
                "INSERT INTO core_rejects (domain, partition_key, stage, reason_code) VALUES ('crash', '{}', %s, %s)",
                (self.params["stage"], f"ROW_{number}"),
            )
        if self.params.get("fails") and self.params["stage"] == "second":
            raise SpineError("the file is cut off", ErrorCategory.DATA_QUALITY)
        return {"row_count": 3}


def counted(ctx, config):
    return StepResult.ok(output={"saw": ctx.get_output("first", "row_count")})


CRASH = Workflow(
    name="crash",
    on_busy="queue",
    steps=[
        Step.pipeline(
            "first", "crash.write", {"stage": "first"}, heartbeat_timeout=1, limit=Limit("crash", concurrency=1)
        ),
        Step.lambda_("gate", counted),
        Step.pipeline("second", "crash.write", {"stage": "second"}, heartbeat_timeout=1),
    ],
)


def unsure(ctx, config):
    return StepResult.fail("look at it", "QUALITY_GATE")


#: Its gate is held, and its deadline decides that it passes.
HELD = Workflow(
    name="crash.held",
    steps=[
        Step.pipeline("first", "crash.write", {"stage": "first"}),
        Step.lambda_("gate", unsure, on_error="HOLD", deadline=1, at_deadline="waive"),
        Step.pipeline("second", "crash.write", {"stage": "second"}),
    ],
)


def yes(ctx):
    return True


_STEPS = [
    Step.pipeline("first", "crash.write", {"stage": "first"}),
    Step.lambda_("gate", counted),
    Step.pipeline("second", "crash.write", {"stage": "second"}),
    Step.pipeline("third", "crash.write", {"stage": "third"}),
]
#: Where its steps are brief they are one stretch, which goes along with the run's beginning, or comes behind a choice.
AHEAD = Workflow(name="crash.ahead", steps=_STEPS)
BEHIND = Workflow(name="crash.behind", steps=[Step.choice("way", yes, "first"), *_STEPS])
