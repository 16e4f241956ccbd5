"""The functions that the steps of a workflow ask, each followed through the user's code."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from spine_temporal.checks.determinism import RefusedCall, find_nondeterminism
from spine_temporal.checks.findings import Place
from spine_temporal.checks.following import Following, functions_called
from spine_temporal.checks.frames import Frame
from spine_temporal.checks.library import Arguments
from spine_temporal.checks.loaded import FoundWorkflow, Loaded
from spine_temporal.checks.outputs import outputs_read
from spine_temporal.checks.places import place_at
from spine_temporal.checks.sources import Defined
from spine_temporal.checks.values import Given, Known
from spine_temporal.checks.watch import Read, Sighting
from spine_temporal.definition.composite_steps import AnyStep
from spine_temporal.definition.simple_steps import ChoiceStep, LambdaStep
from spine_temporal.definition.user_code import short_path

#: The attributes of steps that may hold a function.
_ASKED = ("handler", "condition", "params", "items", "partition")


@dataclass(frozen=True, kw_only=True)
class StepCode:
    """A function of a step, and what following it has shown; no ``node`` where its source is not found."""

    found: FoundWorkflow
    step: AnyStep
    #: The attribute that holds it: ``handler``, ``condition``, ...
    role: str
    code: Callable[..., Any]
    following: Following
    node: Defined | None
    frame: Frame | None

    @property
    def head(self) -> str:
        """How a message begins."""
        what = "gate" if isinstance(self.step, LambdaStep | ChoiceStep) else f"{self.role} of step"
        return f"{what} {self.step.name!r} of workflow {self.found.workflow.name!r}"

    @property
    def place(self) -> Place:
        """Where the function is written; where that is not seen, where its step is."""
        if self.node is None or self.frame is None:
            return self.found.place_of_step(self.step.name)
        return place_at(self.frame.file, self.node)

    @property
    def is_gate(self) -> bool:
        """Whether it gives a verdict."""
        return self.role == "handler"

    def sightings(self) -> list[Sighting]:
        """Return what was seen, with what a worker refuses that was not."""
        seen = list(self.following.watch.sightings)
        lines = {(short_path(each.file), each.line) for each in seen}
        called = {each.call for each in seen}
        for refused in find_nondeterminism(self.code):
            file, _, line = refused.where.rpartition(":")
            if (file, int(line)) not in lines and refused.call not in called:
                seen.append(_refused(refused, file, int(line)))
        return seen

    def reads(self) -> list[Read]:
        """Return the outputs that are read, with what a worker sees that was not."""
        read = list(self.following.watch.reads)
        steps = {each.step for each in read}
        for step, where in outputs_read(self.code).items():
            if step not in steps:
                file, _, line = where.rpartition(":")
                read.append(Read(step=step, key=None, file=file, line=int(line), column=1))
        return read


def _refused(refused: RefusedCall, file: str, line: int) -> Sighting:
    what = f"calls {refused.call}, which {refused.why}"
    return Sighting(code=refused.rule.code, file=file, line=line, column=1, what=what)


def code_of_steps(loaded: Loaded) -> Iterator[StepCode]:
    """Follow every function that a step of the workflows asks."""
    for found in loaded.workflows:
        for step in found.workflow.all_steps:
            for role in _ASKED:
                code = getattr(step, role, None)
                if callable(code):
                    yield _followed(loaded, found, step, role, code)


def _followed(loaded: Loaded, found: FoundWorkflow, step: AnyStep, role: str, code: Callable[..., Any]) -> StepCode:
    following = Following(loaded.sources)
    given = Arguments(positional=((Given.CONTEXT,), (Given.CONFIG,))[: 2 if role == "handler" else 1])
    node, frame = None, None
    for function, arguments in functions_called(Known(code), given):
        node, frame = loaded.sources.node(function), following.start(function, arguments)
    return StepCode(found=found, step=step, role=role, code=code, following=following, node=node, frame=frame)
