"""A workflow whose pipeline refuses rows, fails once, and is done again when its gate is decided of."""

from spine_temporal import (
    ErrorCategory,
    ErrorPolicy,
    Pipeline,
    RetryPolicy,
    SpineError,
    Step,
    StepResult,
    Workflow,
    register_pipeline,
)


@register_pipeline("refusing.normalize")
class Normalize(Pipeline):
    """Refuses two of three rows, and fails at its first attempt after it has written them."""

    def run(self):
        from spine_temporal import Reject, RejectSink

        sink = RejectSink(self.connection, "refusing", self.idempotency_key)
        empty = Reject("normalize", "EMPTY_SYMBOL", raw_data="||3")
        refused = [Reject("normalize", "BAD_SHARES", "'abc' is no number", "A|abc|2", "otc.csv", 2), empty, empty]
        sink.write_batch(refused, self.params)
        if self.connection.exec_driver_sql("SELECT nextval('attempts')").scalar() == 1:
            raise SpineError("it passes by itself", ErrorCategory.TRANSIENT)
        return {"row_count": 1, "rejected": sink.count}


def check(ctx, config):
    return StepResult.fail("too many rejects", ErrorCategory.DATA_QUALITY)


REFUSING = Workflow(
    name="refusing",
    steps=[
        Step.pipeline(
            "normalize",
            "refusing.normalize",
            on_error=ErrorPolicy.RETRY,
            retry=RetryPolicy(max_attempts=2, initial_interval=0.1),
        ),
        Step.lambda_("check", check, on_error=ErrorPolicy.HOLD),
    ],
)
