"""What of a run's pipelines is tried within the workflow task, and whether that task may have been begun before."""

from dataclasses import dataclass, field

from temporalio import workflow as temporal

from spine_temporal.machine.plan import PlannedPipeline
from spine_temporal.translation.pipeline_messages import FailedOnce, PipelineRequest
from spine_temporal.translation.stretch import is_within_task

#: Bytes that brief steps give, after which none is brief any more: one workflow task may hold all that they give, and
#: Temporal takes 4 MB at once.
_MOST_GIVEN = 1024 * 1024


def takes_over() -> bool:
    """Return whether the run that begins here has a history already; a start and its first task are three events."""
    return temporal.unsafe.is_replaying() or temporal.info().get_current_history_length() > 3


@dataclass(kw_only=True)
class WithinTask:
    """The attempts that one instance of a run makes within its workflow tasks."""

    #: Whether this instance has taken the run over from another one, or begins it in a task that was begun before.
    _took_over: bool = field(default_factory=takes_over)
    #: Bytes of the outputs of brief steps.
    _given: int = 0
    #: Pipelines that are tried again as activities, by name and round: how each has failed, where that was counted.
    _again: dict[tuple[str, int], FailedOnce | None] = field(default_factory=dict)
    #: Events of the history at the first task of this instance that was not a replay.
    _live_since: int | None = None

    def has(self, step: PlannedPipeline, round_: int) -> bool:
        """Whether a pipeline's attempt is made within the workflow task, where nothing runs beside it."""
        may_give = step.local or self._given < _MOST_GIVEN
        return is_within_task(step) and may_give and (step.name, round_) not in self._again

    def gave(self, size: int) -> None:
        """Count the bytes that a brief step has given."""
        self._given += size

    def left(self, step: str, round_: int, failed_once: FailedOnce | None) -> None:
        """Keep that a pipeline goes on as an activity, and how it has failed where that was counted."""
        self._again[step, round_] = failed_once

    def after(self, request: PipelineRequest) -> PipelineRequest:
        """Return the request of a pipeline as it goes on, where it was tried before."""
        tried = (request.step, request.round)
        return request.tried_again(self._again[tried]) if tried in self._again else request

    def has_come_further(self) -> None:
        """Note that a pipeline was done for the first time: a task that was begun before had not come so far."""
        if not temporal.unsafe.is_replaying():
            self._took_over = False

    def may_repeat(self) -> bool:
        """Whether this workflow task may have been begun before; where it may, the activity asks Temporal."""
        if not self._took_over or temporal.unsafe.is_replaying():
            return False
        length = temporal.info().get_current_history_length()
        if self._live_since is None:
            self._live_since = length
        return length == self._live_since
