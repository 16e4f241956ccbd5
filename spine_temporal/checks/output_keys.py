"""Which keys the output of a step has, as far as its definition and its code show."""

from dataclasses import dataclass, field
from types import FunctionType

from spine_temporal.checks.following import Following, functions_called
from spine_temporal.checks.library import Arguments
from spine_temporal.checks.loaded import Loaded
from spine_temporal.checks.values import Given, Group, Known, Made, Value, Values
from spine_temporal.definition.composite_steps import AnyStep, MapStep, ParallelStep, WorkflowStep
from spine_temporal.definition.context import LEGACY_METRICS
from spine_temporal.definition.pipeline import Pipeline, PipelineResult
from spine_temporal.definition.simple_steps import ChoiceStep, LambdaStep, PipelineStep
from spine_temporal.definition.step_result import StepResult
from spine_temporal.definition.workflow import Workflow

#: What the engine itself gives, by kind of step.
_OF_KIND: dict[type, frozenset[str]] = {
    MapStep: frozenset(("results", "total", "completed", "failed", "errors")),
    ChoiceStep: frozenset(("condition",)),
}


@dataclass
class OutputKeys:
    """Works out the keys of each step once."""

    loaded: Loaded
    known: dict[int, frozenset[str] | None] = field(default_factory=dict)

    def of(self, workflow: Workflow, name: str) -> frozenset[str] | None:
        """Return the keys that a step may give; None where nothing says so."""
        step = workflow.step(name)
        if step is None:
            return None
        if id(step) not in self.known:
            keys = self._of_step(step)
            self.known[id(step)] = None if keys is None else keys | {LEGACY_METRICS}
        return self.known[id(step)]

    def _of_step(self, step: AnyStep) -> frozenset[str] | None:
        match step:
            case PipelineStep():
                return self._of_pipeline(step)
            case LambdaStep():
                return self._returned(step.handler, (Given.CONTEXT,), (Given.CONFIG,))
            case ParallelStep():
                return frozenset(inner.name for inner in step.steps)
            case WorkflowStep():
                return frozenset(inner.name for inner in step.workflow.all_steps)
        return _OF_KIND.get(type(step))

    def _of_pipeline(self, step: PipelineStep) -> frozenset[str] | None:
        cls = self.loaded.pipelines.get(step.pipeline)
        written = None if cls is None or cls.run is Pipeline.run else self._returned(cls.run, (Made(cls),))
        sample = frozenset(step.sample_output)
        return sample | (written or frozenset()) if sample else written

    def _returned(self, function: object, *given: Values) -> frozenset[str] | None:
        """Return the keys of what a function returns, None where one of its paths does not show them."""
        following = Following(self.loaded.sources)
        for target, arguments in functions_called(Known(function), Arguments(positional=given)):
            frame = following.start(target, arguments) if isinstance(target, FunctionType) else None
            answer = () if frame is None else frame.answer
            keys = [_keys(value) for value in answer]
            if not keys or any(each is None for each in keys):
                return None
            return frozenset().union(*(each for each in keys if each is not None))
        return None


def _keys(value: Value) -> frozenset[str] | None:
    match value:
        case Group(kind=kind, items=items, complete=True) if kind is dict:
            return frozenset(map(str, items))
        case Made(cls=cls, fields=fields) if cls in {StepResult, PipelineResult}:
            inner = fields.get("output" if cls is StepResult else "metrics", ())
            return _keys(inner[0]) if len(inner) == 1 else None
        case Known(value=None):
            return frozenset()
        case Known(value=dict() as known):
            return frozenset(map(str, known))
    return None
