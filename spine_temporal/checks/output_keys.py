"""Which keys the output of a step has, as far as its definition and its code show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType

from spine_temporal.checks.following import Following, functions_called
from spine_temporal.checks.library import Arguments
from spine_temporal.checks.loaded import Loaded
from spine_temporal.checks.values import ANY, Given, Group, Known, Made, Value, Values
from spine_temporal.definition.composite_steps import AnyStep, MapStep, ParallelStep, WorkflowStep
from spine_temporal.definition.context import LEGACY_METRICS
from spine_temporal.definition.pipeline import Pipeline, PipelineResult
from spine_temporal.definition.simple_steps import ChoiceStep, LambdaStep, PipelineStep
from spine_temporal.definition.step_result import StepResult
from spine_temporal.definition.workflow import Workflow

#: What the engine itself gives, by kind of step.
_OF_KIND: dict[type, frozenset[str]] = {
    MapStep: frozenset(("results", "total", "completed", "failed", "errors", "row_count")),
    ChoiceStep: frozenset(("condition",)),
}


@dataclass
class OutputKeys:
    """Works out the keys of each step once."""

    loaded: Loaded
    #: What pipelines have given in recorded runs, by their names.
    recorded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    known: dict[int, frozenset[str] | None] = field(default_factory=dict)

    def of(self, workflow: Workflow, name: str, within: Sequence[str] = ()) -> frozenset[str] | None:
        """Return the keys that a step may give, below those of ``within``; None where nothing says so."""
        step = workflow.step(name)
        return None if step is None else self._below(step, within)

    def _below(self, step: AnyStep, within: Sequence[str]) -> frozenset[str] | None:
        match step, within:
            case _, []:
                return self._once(step)
            case ParallelStep(steps=steps), [key, *rest]:
                return self._among(steps, key, rest)
            case WorkflowStep(workflow=workflow), [key, *rest]:
                return self._among(workflow.all_steps, key, rest)
            case MapStep(), ["results", _, *rest]:
                return self._of_item(step, rest)
        return None

    def _of_item(self, step: MapStep, within: Sequence[str]) -> frozenset[str] | None:
        """Return the keys of one of a map's results: of its pipeline's output, or of its run's outputs by step."""
        if step.of_pipelines is not None:
            return self._below(step.of_pipelines, within)
        inner = step.workflow.all_steps
        return self._among(inner, within[0], within[1:]) if within else frozenset(each.name for each in inner)

    def _among(self, steps: Sequence[AnyStep], key: str, within: Sequence[str]) -> frozenset[str] | None:
        """Return the keys of the step of this name; of any of them, where the name is not known."""
        found = [self._below(each, within) for each in steps if key in {ANY, each.name}]
        if not found or any(each is None for each in found):
            return None
        return frozenset().union(*(each for each in found if each is not None))

    def _once(self, step: AnyStep) -> frozenset[str] | None:
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
        shown = frozenset(step.sample_output) | self.recorded.get(step.pipeline, frozenset())
        return shown | (written or frozenset()) if shown else written

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
