"""Gates in tests: a context for one, and tables of cases."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spine_temporal.definition.context import WorkflowContext
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.evaluate import evaluate
from spine_temporal.machine.plan import PlannedChoice, PlannedGate
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.step_outcome import Answered, Failed

Outputs = Mapping[str, Mapping[str, Any]]


def gate_context(
    outputs: Outputs | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    partition: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> WorkflowContext:
    """Return what a gate sees of a run with these outputs, by step, and params."""
    return WorkflowContext(
        outputs=outputs or {}, params=params or {}, partition=partition or {}, run_id="test-run", is_dry_run=dry_run
    )


def ask_gate(workflow: Workflow, step: str, context: WorkflowContext) -> Answered:
    """Ask a gate or a choice, with the config that the workflow gives it; what it raises is its answer, as in a run.

    A choice answers with ``output["condition"]``. Raises ``LookupError`` where the workflow has no such gate.
    """
    place = plan_of(workflow).places.get(step)
    if place is None or not isinstance(place.step, PlannedGate | PlannedChoice):
        gates = [name for name, each in plan_of(workflow).places.items() if each.step.kind in {"lambda", "choice"}]
        raise LookupError(f"workflow {workflow.name!r} has no gate {step!r}: it has {', '.join(gates) or 'none'}")
    answer = evaluate(workflow, place.step, context)
    assert answer is not None  # noqa: S101 - the plan is this workflow's
    return answer


@dataclass(frozen=True, kw_only=True)
class GateCase:
    """A line of a table: what the gate sees, and what it is to answer."""

    outputs: Outputs
    params: Mapping[str, Any] = field(default_factory=dict)
    is_ok: bool
    #: Of a failure: its category, and words of its error.
    category: str | None = None
    words: str = ""
    #: Of a gate that passes: what its output has at least.
    output: Mapping[str, Any] = field(default_factory=dict)
    next_step: str | None = None
    #: Of a choice: its answer.
    condition: bool | None = None

    def problem(self, answer: Answered) -> str:
        """Return in what the answer is another than the case says; empty where it is as said."""
        if isinstance(answer, Failed):
            return self._failed(answer)
        if not self.is_ok:
            return f"it passed, and was to fail{f' with {self.category}' if self.category else ''}"
        wanted = {**self.output, **({} if self.condition is None else {"condition": self.condition})}
        given = {name: answer.output.get(name) for name in wanted}
        if given != wanted:
            return f"it gave {given}, and was to give {wanted}"
        if self.next_step != answer.next_step and self.next_step is not None:
            return f"it went to {answer.next_step!r}, and was to go to {self.next_step!r}"
        return ""

    def _failed(self, answer: Failed) -> str:
        told = f"it failed with {answer.category}: {answer.error}"
        if self.is_ok:
            return f"{told}{_indented(answer.traceback)}"
        if self.category is not None and answer.category != self.category:
            return f"{told}\nand was to fail with {self.category}"
        return "" if self.words in answer.error else f"{told}\nand was to say {self.words!r}"


def _indented(traceback: str | None) -> str:
    return f"\n{traceback}" if traceback else ""


def passes(
    outputs: Outputs | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    output: Mapping[str, Any] | None = None,
    next_step: str | None = None,
    condition: bool | None = None,
) -> GateCase:
    """Return a case in which the gate passes; ``output``: what it gives at least; ``condition``: a choice's answer."""
    return GateCase(
        outputs=outputs or {},
        params=params or {},
        is_ok=True,
        output=output or {},
        next_step=next_step,
        condition=condition,
    )


def fails(
    outputs: Outputs | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    category: str | None = None,
    words: str = "",
) -> GateCase:
    """Return a case in which the gate fails, with this category and these words in its error."""
    return GateCase(outputs=outputs or {}, params=params or {}, is_ok=False, category=category, words=words)


def gate_cases(workflow: Workflow, step: str, **cases: GateCase) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Ask a gate of a workflow once for each case, each a test of its own, by the case's name.

    The test function may look further: it is called with what the gate answered where it has an argument ``verdict``.
    """
    import pytest  # noqa: PLC0415 - the library itself needs none

    if not cases:
        raise LookupError(f"gate_cases({workflow.name!r}, {step!r}) has no case: give passes(...) or fails(...)")
    ids = [name.replace("_", " ") for name in cases]

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        checked = _checked(test, workflow, step)
        marked: Callable[..., Any] = pytest.mark.parametrize("gate_case", list(cases.values()), ids=ids)(checked)
        return marked

    return decorate


def _checked(test: Callable[..., Any], workflow: Workflow, step: str) -> Callable[..., Any]:
    wanted = inspect.signature(test).parameters

    def checked(gate_case: GateCase, **fixtures: Any) -> None:
        __tracebackhide__ = True
        verdict = ask_gate(workflow, step, gate_context(gate_case.outputs, gate_case.params))
        problem = gate_case.problem(verdict)
        if problem:
            raise AssertionError(f"gate {step!r} of {workflow.name!r}: {problem}\noutputs: {dict(gate_case.outputs)}")
        test(**fixtures, **({"verdict": verdict} if "verdict" in wanted else {}))

    # pytest reads the signature for the fixtures that a test wants.
    own = inspect.Parameter("gate_case", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    others = [each for name, each in wanted.items() if name != "verdict"]
    checked.__signature__ = inspect.Signature([own, *others])  # type: ignore[attr-defined]  # as inspect lets us
    checked.__name__, checked.__doc__, checked.__module__ = test.__name__, test.__doc__, test.__module__
    return checked
