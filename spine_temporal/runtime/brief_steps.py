"""Which steps this worker has seen to take moments: their pipelines are planned to run within the workflow task."""

from collections import defaultdict, deque
from collections.abc import Sequence, Set
from typing import Any

from spine_temporal.definition.composite_steps import AnyStep
from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.simple_steps import PipelineStep
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.plan import Plan, PlannedParallel
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.translation.pipeline_messages import StepDone

#: Seconds that a brief execution takes at most.
BRIEF = 0.25
#: Executions in a row that must have been brief.
SEEN = 5
#: Seconds that a brief step may take within the workflow task; then it goes on as an activity of its own.
LONGEST = 2.0


class NotBriefError(SpineError):
    """Raised when a step that used to be brief has taken as long as it may within a workflow task."""

    def __init__(self) -> None:
        super().__init__(f"longer than the {LONGEST:g} s of a brief step", ErrorCategory.TRANSIENT)


class BriefSteps:
    """Remembers how the last executions of each step have ended, in this process; one that failed was not brief."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], deque[bool]] = defaultdict(lambda: deque(maxlen=SEEN))

    def note(self, attempt: Attempt, done: StepDone | None) -> None:
        """Note how an attempt has ended; None: it has failed, or was not done within its time."""
        request = attempt.request
        if request.is_item or (done is not None and done.kept_from is not None):
            return
        seconds = None if done is None or not attempt.is_one_transaction else done.seconds
        is_brief = seconds is not None and seconds <= BRIEF
        self._seen[request.key.workflow, request.step].append(is_brief)

    def planned(self, workflow: Workflow, plan: Plan) -> Plan:
        """Return the plan with its brief steps marked, but for those that say by themselves where or when they run."""
        steps = [inner for step in workflow.steps for inner in (step, *getattr(step, "steps", ()))]
        brief = {step.name for step in steps if _may_be_brief(step) and self.knows(workflow.name, step.name)}
        return plan if not brief else plan.model_copy(update={"steps": _marked(plan.steps, brief)})

    def knows(self, workflow: str, step: str) -> bool:
        """Whether a step is known to take moments."""
        seen = self._seen.get((workflow, step), ())
        return len(seen) == SEEN and all(seen)


def _may_be_brief(step: AnyStep) -> bool:
    return isinstance(step, PipelineStep) and step.local is None and step.task_queue is None and step.limit is None


def _marked(steps: Sequence[Any], brief: Set[str]) -> tuple[Any, ...]:
    """Return planned steps, those in parallel ones too, with the brief ones marked."""
    marked = list[Any]()
    for step in steps:
        if isinstance(step, PlannedParallel):
            marked.append(step.model_copy(update={"steps": _marked(step.steps, brief)}))
        else:
            marked.append(step.model_copy(update={"brief": True}) if step.name in brief else step)
    return tuple(marked)
