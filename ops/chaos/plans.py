"""Small plans for the simulation, and how each of their steps ends."""

from functools import cache

from spine_temporal import Step, StepResult, Workflow
from spine_temporal.definition.composite import AnyStep
from spine_temporal.definition.steps import PipelineStep
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.step_outcome import CONDITION, StepOutcome


def _work(name: str, *, on_error: str = "STOP") -> PipelineStep:
    return Step.pipeline(name, "simulated.work", on_error=on_error)


def _gate(name: str, *, on_error: str = "STOP") -> AnyStep:
    return Step.lambda_(name, lambda _context, _config: StepResult.ok(), on_error=on_error)


def _choice(name: str, then: str, otherwise: str | None = None) -> AnyStep:
    return Step.choice(name, lambda _context: True, then, otherwise)


ITEMS = 3
_ITEM = Workflow(name="simulated.item", steps=[_work("item")])
_SUB = Workflow(name="simulated.sub", steps=[_work("inner")])

_STEPS: tuple[tuple[list[AnyStep], dict[str, str]], ...] = (
    ([_work("a"), _gate("g"), _work("b")], {}),
    ([_work("a"), _gate("g"), _work("b")], {"g": "fails"}),
    ([_work("a"), _work("b"), _gate("g"), _work("c")], {"b": "fails"}),
    ([_work("a", on_error="CONTINUE"), _gate("g"), _work("b")], {"a": "fails"}),
    ([_gate("g", on_error="CONTINUE"), _work("a"), _work("b")], {"g": "fails"}),
    ([_choice("c", "a", "b"), _work("a"), _work("b"), _gate("g")], {"c": "yes"}),
    ([_work("x"), _choice("c", "a", "b"), _work("a"), _work("b"), _work("z")], {"c": "no"}),
    ([_work("a")], {}),
    ([_work("a"), Step.wait("w", 60), _gate("g"), _work("b")], {}),
    ([_gate("g"), Step.parallel("p", [_work("a"), _gate("h"), _work("b")]), _work("c")], {}),
    ([Step.parallel("p", [_work("a"), _work("b"), _work("c")], max_concurrency=2), _work("d")], {"a": "fails"}),
    ([_work("a"), _gate("g", on_error="HOLD"), _work("b")], {"g": "fails"}),
    ([_work("a"), Step.map("m", list(range(ITEMS)), _ITEM), _work("b")], {}),
    ([_work("a"), Step.workflow("w", _SUB), Step.wait_for("f", _SUB, {}), _work("b")], {"w": "fails"}),
)

PLANS = tuple(
    plan_of(Workflow(name=f"simulated.n{n}", steps=steps, on_failure=[_work("notify")] if n % 2 else []))
    for n, (steps, _) in enumerate(_STEPS)
)


@cache
def outcome_of(number: int, step: str) -> StepOutcome:
    """Return how a step of a plan ends, each time the same."""
    does = _STEPS[number][1].get(step)
    if does in {"yes", "no"}:
        return StepOutcome(step=step, output={CONDITION: does == "yes"})
    if does == "fails":
        return StepOutcome(step=step, error="it fails", category="DATA_QUALITY")
    return StepOutcome(step=step, output={"row_count": 3})
