"""Small plans for the simulation, and how each of their steps ends."""

from functools import cache

from spine_temporal import Step, StepResult, Workflow
from spine_temporal.definition.composite_steps import AnyStep
from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.simple_steps import PipelineStep
from spine_temporal.machine.plan import PlannedMap, PlannedPipeline, PlannedWorkflow
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.resumed_run import EndedRun, resumed
from spine_temporal.machine.step_outcome import CONDITION, Cancelled, Completed, Failed, StepOutcome

ITEMS = 3
#: An item's number is its map's, plus one, times this, plus its place.
ITEM = 100
NEVER = 99


def _work(name: str, *, on_error: str = "STOP", local: bool = False) -> PipelineStep:
    return Step.pipeline(name, "simulated.work", on_error=on_error, local=local)


def _gate(name: str, *, on_error: str = "STOP") -> AnyStep:
    return Step.lambda_(name, lambda _context, _config: StepResult.ok(), on_error=on_error)


def _choice(name: str, then: str, otherwise: str | None = None) -> AnyStep:
    return Step.choice(name, lambda _context: True, then, otherwise)


_ITEM = Workflow(name="simulated.item", steps=[_work("item")])
_SUB = Workflow(name="simulated.sub", steps=[_work("x"), _gate("i"), _work("y")])
_HELD_SUB = Workflow(name="simulated.held_sub", steps=[_work("x"), _gate("i", on_error="HOLD"), _work("y")])
_MAP = Step.map("m", list(range(ITEMS)), _ITEM, max_concurrency=2)

#: Steps, how often something must be mended before a step passes, and whether the run has hooks for a failure and a
#: cancel. A negative number: the step fails only when something was mended just so often, as a gate edited twice.
_Row = tuple[list[AnyStep], dict[str, int], bool]
_STEPS: tuple[_Row, ...] = (
    ([_work("a"), _gate("g"), _work("b")], {}, False),
    ([_work("a"), _work("b"), _work("c")], {"c": 1}, False),
    ([_work("a"), _work("b"), _gate("h", on_error="HOLD"), _work("c")], {"h": NEVER}, False),
    ([_work("a"), _MAP, _work("b")], {"m[1]": 1, "m[2]": 2}, False),
    ([_work("a"), Step.workflow("w", _SUB), _work("b")], {}, False),
    ([_work(name) for name in "abcde"], {name: place for place, name in enumerate("abcde", 1)}, False),
    ([_work("a", local=True), _gate("g"), _work("b", local=True)], {}, False),
    ([_work("a", on_error="CONTINUE"), _gate("g"), _work("b")], {"a": 1}, False),
    ([_choice("c", "a", "b"), _work("a"), _work("b"), Step.wait("w", 60), _work("z")], {}, False),
    ([_work("a"), Step.workflow("w", _HELD_SUB), _work("b")], {}, False),
    ([Step.parallel("p", [_work("a"), _gate("h"), _work("b")]), _work("c")], {"b": 1}, True),
    ([_work("a"), _gate("g")], {"g": 1}, True),
    ([_work("a"), _gate("h", on_error="HOLD"), _work("b"), _gate("k", on_error="HOLD")], {"h": NEVER, "k": 3}, False),
    ([_MAP, _work("b")], {"m[0]": 1, "m[2]": 3, "b": 4}, False),
    ([_work("a"), _gate("g"), _gate("h"), _work("b")], {"g": 1, "h": 2, "b": 3}, True),
    (
        [_gate("g", on_error="CONTINUE"), _work("a"), _gate("h", on_error="HOLD"), _work("b", local=True)],
        {"g": 1, "h": 2},
        False,
    ),
    ([_work("a"), _gate("g", on_error="CONTINUE"), _gate("h"), _work("b", local=True)], {"g": 2, "h": -1}, True),
)
_SUBS: tuple[tuple[Workflow, dict[str, int]], ...] = ((_SUB, {"y": 1}), (_HELD_SUB, {"i": NEVER}))


class Simulated:
    """A workflow with its plan, its steps by number, and what they need to pass."""

    __slots__ = (
        "beside", "children", "local", "maps", "names", "needs", "number", "of_name",
        "pipelines", "plan", "positions", "spine",
    )  # fmt: skip

    def __init__(self, number: int, spine: Workflow, needs: dict[str, int], subs: dict[str, int]) -> None:
        self.number, self.spine, self.plan = number, spine, plan_of(spine)
        places = self.plan.places
        self.names = list(places)
        self.of_name = {name: step for step, name in enumerate(self.names)}
        self.maps = {step: places[name].step for step, name in enumerate(self.names) if places[name].step.kind == "map"}
        for step in self.maps:
            self.of_name |= {f"{self.names[step]}[{index}]": (step + 1) * ITEM + index for index in range(ITEMS)}
        self.needs = {self.of_name[name]: least for name, least in needs.items()}
        planned = [(step, places[name].step) for step, name in enumerate(self.names)]
        self.pipelines = sum(1 << step for step, one in planned if isinstance(one, PlannedPipeline))
        self.local = {step for step, one in planned if isinstance(one, PlannedPipeline) and one.local}
        self.children = {step: subs[one.workflow] for step, one in planned if isinstance(one, PlannedWorkflow)}
        self.beside = {step for step, name in enumerate(self.names) if places[name].parallel is not None}
        self.positions = [places[name].position for name in self.names]

    def fails(self, step: int, mended: int) -> bool:
        """Return whether a step does not pass by now."""
        least = self.needs.get(step, 0)
        return mended < least if least >= 0 else mended == -least

    def planned_map(self, step: int) -> PlannedMap:
        """Return the map of that number."""
        planned = self.maps[step]
        assert isinstance(planned, PlannedMap)
        return planned

    def outcome(self, step: int, *, failed: bool = False, cancelled: bool = False) -> StepOutcome:
        """Return how a step ends."""
        name = self.names[step]
        if cancelled:
            return Cancelled(step=name)
        return Failed(step=name, error="it fails", category="DATA_QUALITY") if failed else self.completed(step)

    def completed(self, step: int) -> Completed:
        """Return how a step ends well."""
        name = self.names[step]
        kind = self.plan.places[name].step.kind
        return Completed(step=name, output={CONDITION: True} if kind == "choice" else {"row_count": 3})

    def from_step(self, start_from: int) -> set[int]:
        """Return the steps from that one on, as ``runtime.beginning.send_back`` names them."""
        first = self.positions[start_from]
        return {step for step, at in enumerate(self.positions) if at is not None and first is not None and at >= first}


def _plans() -> tuple[Simulated, ...]:
    count = len(_STEPS)
    subs = {spine.name: count + place for place, (spine, _) in enumerate(_SUBS)}
    plans = []
    for number, (steps, needs, hook) in enumerate(_STEPS):
        spine = Workflow(
            name=f"simulated.n{number}",
            steps=steps,
            on_failure=[_work("notify")] if hook else [],
            on_cancel=[_work("undo")] if hook else [],
        )
        plans.append(Simulated(number, spine, needs, subs))
    plans += [Simulated(count + place, spine, needs, {}) for place, (spine, needs) in enumerate(_SUBS)]
    return tuple(plans)


PLANS = _plans()
#: Those that a schedule is drawn for; the others are sub-workflows.
MAIN = len(_STEPS)


@cache
def goes_on(number: int, done: int, start_from: int | None, status: str) -> int | None:
    """Return the steps that a run keeps which goes on from one with these steps done; None where that is refused."""
    plan = PLANS[number]
    outcomes = {name: plan.completed(step) for step, name in enumerate(plan.names) if done >> step & 1}
    ended = EndedRun(run_id="ended", status=status, params={}, partition={}, plan=plan.plan, outcomes=outcomes)
    options = ResumeOptions(run_id="ended", start_from=None if start_from is None else plan.names[start_from])
    try:
        kept = resumed(plan.spine, ended, options).kept
    except ParamsError:
        return None
    return sum(1 << plan.of_name[name] for name in kept)
