"""What crosses between a worker and its processes, as JSON."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.machine.evaluate import Question
from spine_temporal.recording.database_errors import DatabaseAwayError
from spine_temporal.recording.fence import ClaimLostError, StateLostError
from spine_temporal.runtime.processes.child_logging import LoggingSetup
from spine_temporal.runtime.processes.loading import Loading
from spine_temporal.translation.messages import Measured
from spine_temporal.translation.pipeline_messages import PipelineRequest, StepDone

#: Errors that a worker does something about.
TOLD_APART: tuple[type[SpineError], ...] = (ClaimLostError, StateLostError, DatabaseAwayError)


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")


class AttemptsStart(_Message):
    """What a process for attempts works with."""

    database_url: str
    database_schema: str | None
    logging: LoggingSetup
    #: What to load first; None: it is loaded.
    loading: Loading | None = None


class GatesStart(_Message):
    """What a process for gates works with."""

    #: Temporal's restrictions of the sandbox, pickled, as hexadecimal digits.
    restrictions: str
    logging: LoggingSetup
    loading: Loading | None = None


class GateRequest(_Message):
    """A question to the code of a run."""

    run_id: str
    module: str
    attribute: str
    question: Question


class ParamsRequest(_Message):
    """Params to be validated by the workflow's model."""

    module: str
    attribute: str
    given: Any
    inherited: bool


class ParamsAnswer(_Message):
    """The params, or what is wrong with them."""

    params: dict[str, Any] = {}
    error: str | None = None
    code: str | None = None
    traceback: str | None = None


class AttemptRequest(_Message):
    """An attempt to make."""

    request: PipelineRequest
    attempt: int
    progress: tuple[Any, ...]
    #: Bytes that it may take beyond what the process has.
    memory: int
    #: The trace that it belongs to, as W3C's headers; empty: none.
    trace: dict[str, str] = {}
    #: Whether it is made within a workflow task.
    is_local: bool = False


class FingerprintRequest(_Message):
    """A request for the fingerprint of a pipeline's input."""

    pipeline: str
    params: dict[str, Any]


class FingerprintAnswer(_Message):
    """The fingerprint, or why there is none."""

    value: Any = None
    error: str | None = None
    #: Whether the process ends with it.
    is_spent: bool = False


class AttemptAnswer(_Message):
    """How the attempt ended: with an outcome, or with an error."""

    outcome: StepDone | None = None
    #: What its pipeline has measured of its data; of a failed one, the error has it.
    measured: tuple[Measured, ...] = ()
    error: "AttemptError | None" = None
    #: Whether the process ends with it, and another is to be started for the next.
    is_spent: bool = False


class AttemptError(_Message):
    """The error that an attempt ended with."""

    #: Which of ``TOLD_APART`` it is; empty: none.
    kind: str
    message: str
    category: ErrorCategory
    code: str | None = None
    retry_after: float | None = None
    metadata: dict[str, Any] = {}
    traceback: str | None = None
    measured: tuple[Measured, ...] = ()
    #: The round that the attempt was of: a later one than was asked for, where that one was sent back.
    round: int | None = None

    def raised(self) -> SpineError:
        """Return the exception that the attempt raised."""
        kinds = {kind.__name__: kind for kind in TOLD_APART}
        kind = kinds.get(self.kind, SpineError)
        error = kind.__new__(kind)
        SpineError.__init__(
            error, self.message, self.category, retry_after=self.retry_after, metadata=dict(self.metadata)
        )
        error.code, error.traceback = self.code, self.traceback
        return error
