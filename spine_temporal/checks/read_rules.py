"""Rules of the outputs that the code of a step reads: SPN4xx."""

from collections.abc import Iterator, Sequence

from spine_temporal.checks.findings import Finding, Place
from spine_temporal.checks.loaded import FoundWorkflow
from spine_temporal.checks.output_keys import OutputKeys
from spine_temporal.checks.outputs import later_steps
from spine_temporal.checks.step_code import StepCode
from spine_temporal.checks.watch import Read
from spine_temporal.definition.composite_steps import AnyStep, MapStep, WorkflowStep, flattened
from spine_temporal.definition.context import LEGACY_METRICS
from spine_temporal.definition.items import ItemsPath, items_path
from spine_temporal.definition.names import did_you_mean
from spine_temporal.definition.workflow import Workflow


def read_findings(code: StepCode, keys: OutputKeys) -> Iterator[Finding]:
    """Yield what a function reads that is not there when it is asked."""
    workflow = code.found.workflow
    names = [step.name for step in workflow.all_steps]
    for read in code.reads():
        place = Place(file=read.file, line=read.line, column=read.column)
        head = f"{code.head} reads the output of {read.step!r}"
        if read.step not in names:
            hint = _inner_hint(workflow, read.step) or did_you_mean(read.step, names)
            yield Finding.of("SPN401", place, f"{head}, which is no step of it: it has {', '.join(names)}{hint}")
        elif are_apart(workflow, code.step, read.step):
            yield Finding.of("SPN403", place, f"{head}, which is on another branch")
        elif read.step in later_steps(workflow, code.step):
            yield Finding.of("SPN402", place, f"{head}, which cannot have run before it")
        else:
            yield from _unknown_key(code, read, place, keys)


def items_findings(found: FoundWorkflow, keys: OutputKeys) -> Iterator[Finding]:
    """Yield maps whose items are under a key that their step does not give."""
    names = [step.name for step in found.workflow.all_steps]
    for step in found.workflow.all_steps:
        if isinstance(step, MapStep) and isinstance(step.items, str):
            path = items_path(step.items, names)
            yield from [] if path is None else _of_items(found, step, path, keys)


def _of_items(found: FoundWorkflow, step: MapStep, path: ItemsPath, keys: OutputKeys) -> Iterator[Finding]:
    for depth, key in enumerate(path.keys if path.step is not None else ()):
        within = path.keys[:depth]
        known = keys.of(found.workflow, str(path.step), within)
        if known is not None and key not in known:
            head = f"map {step.name!r} of workflow {found.workflow.name!r}"
            message = f"{head} reads {key!r} of {_dotted(str(path.step), within)}, which gives {_listed(known)}"
            yield Finding.of("SPN404", found.place_of_step(step.name), message)


def are_apart(workflow: Workflow, step: AnyStep, other: str) -> bool:
    """Return whether a step and another stand on the two branches of one choice."""
    positions = {inner.name: index for index, outer in enumerate(workflow.steps) for inner in flattened([outer])}
    here, there = positions.get(step.name), positions.get(other)
    if here is None or there is None:
        return False
    for branching in workflow.routes.branchings.values():
        earlier, later = range(branching.low, branching.high), range(branching.high, branching.join)
        if (here in earlier and there in later) or (here in later and there in earlier):
            return True
    return False


def _unknown_key(code: StepCode, read: Read, place: Place, keys: OutputKeys) -> Iterator[Finding]:
    known = keys.of(code.found.workflow, read.step, read.within)
    if read.key is not None and known is not None and read.key not in known:
        message = f"{code.head} reads {read.key!r} of {_dotted(read.step, read.within)}, which gives {_listed(known)}"
        yield Finding.of("SPN404", place, f"{message}{did_you_mean(read.key, known)}")


def _inner_hint(workflow: Workflow, name: str) -> str:
    """Return how the output of a sub-workflow's step is read, where the name is of one."""
    for step in workflow.all_steps:
        if isinstance(step, WorkflowStep) and step.workflow.step(name) is not None:
            return f"; {name!r} is a step of its sub-workflow: ctx.get_output({step.name!r}, {name!r})"
    return ""


def _dotted(step: str, within: Sequence[str]) -> str:
    return repr(".".join((step, *within)))


def _listed(keys: frozenset[str]) -> str:
    return ", ".join(sorted(keys - {LEGACY_METRICS})) or "nothing"
