"""A pipeline and a gate whose errors have a password in them, as those of many libraries do."""

import logging
import warnings

from spine_temporal import Pipeline, RetryPolicy, Step, StepResult, Workflow, register_pipeline

URL = "postgresql://ann:hunter2@db:5432/x"


@register_pipeline("leaking.connect")
class Connect(Pipeline):
    """Fails as a driver does."""

    def run(self):
        """Say it in every way there is."""
        logging.getLogger("vendor").warning("connecting to %s", URL)
        warnings.warn(f"no TLS to {URL}", stacklevel=1)
        try:
            _fail()
        except ConnectionError as inner:
            raise RuntimeError("gave up with password=hunter2") from inner


def _fail():
    raise ConnectionError(f"cannot reach {URL}")


def refuse(ctx, config):
    """Fail the gate with a message that nobody has looked at."""
    return StepResult.fail(f"no answer from {URL}, token=hunter2abc", "QUALITY_GATE")


LEAKING = Workflow(
    name="leaking",
    steps=[
        Step.lambda_("refuse", refuse, on_error="CONTINUE"),
        Step.pipeline("connect", "leaking.connect", retry=RetryPolicy(max_attempts=1)),
    ],
)
