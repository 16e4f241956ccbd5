"""Plans that a picture must show, and runs of them."""

from datetime import timedelta

from hypothesis import strategies as st

from spine_temporal import Step, Workflow
from spine_temporal.definition.run_result import StepExecution
from spine_temporal.drawing.run_record import RunRecord, Span, SpanKind, StepRecord
from tests.unit.machine_builders import NOON, choice, gate, pipe, planned

INNER = Workflow(name="inner", steps=[pipe("load"), gate("check")])

BRANCHED = planned(
    pipe("ingest"),
    choice("large", "split", "whole", "publish"),
    pipe("split"),
    pipe("whole"),
    gate("check_whole", config={"min_rows": 1000}),
    gate("publish", on_error="HOLD"),
    choice("late", "tell_late"),
    pipe("tell_late"),
    Step.parallel("many", [pipe("one"), gate("two"), Step.workflow("three", INNER)], max_concurrency=2),
    Step.map("each", [1, 2, 3], INNER),
    Step.wait("pause", 3700),
    on_failure=[pipe("notify"), pipe("release")],
)
NESTED = planned(
    choice("outer", "inner_choice", "z"), choice("inner_choice", "x", "y"), pipe("x"), pipe("y"), pipe("z"), pipe("end")
)
#: ``aside`` is reached only where the gate routes there.
ROUTED = planned(gate("route"), choice("which", "left", "right"), pipe("aside"), pipe("left"), pipe("right"))


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def record(name, begins=0.0, ends=None, *, kind="pipeline", status="COMPLETED", rows=None, checks=(), **given):
    spans, items, lost = given.pop("spans", ()), given.pop("items", {}), given.pop("lost", 0)
    execution = StepExecution(
        step_name=name,
        step_type=kind,
        status=status,
        started_at=at(begins),
        completed_at=None if ends is None else at(ends),
        duration_seconds=None if ends is None else ends - begins,
        **{"attempt": 1, **given},
    )
    return StepRecord(execution=execution, rows=rows, checks=checks, spans=spans, items=items, lost=lost)


def span(kind, begins, ends=None, **given):
    return Span(kind=SpanKind[kind], begins=at(begins), ends=None if ends is None else at(ends), **given)


def run_of(*records, ends=None, now=10.0, status="RUNNING"):
    return RunRecord(
        run_id="r1",
        workflow_id="w/week=1",
        status=status,
        started_at=NOON,
        completed_at=None if ends is None else at(ends),
        drawn_at=at(now),
        steps={each.execution.step_name: each for each in records},
    )


@st.composite
def plans(draw):
    """Plans of chains, nested choices and parallel steps, with names of some length."""
    names = iter(f"s{number}{'x' * draw(st.integers(0, 12))}" for number in range(1000))
    return planned(*_steps(draw, names, depth=2), pipe(next(names)))


def _steps(draw, names, depth):
    steps = []
    for kind in draw(
        st.lists(st.sampled_from(["pipe", "gate", "parallel", *(["choice"] * 2 * depth)]), min_size=1, max_size=4)
    ):
        if kind == "choice":
            steps += _choice(draw, names, depth - 1)
        elif kind == "parallel":
            inner = [pipe(next(names)) for _ in range(draw(st.integers(1, 5)))]
            steps.append(Step.parallel(next(names), inner))
        else:
            steps.append(pipe(next(names)) if kind == "pipe" else gate(next(names)))
    return steps


def _choice(draw, names, depth):
    """Return a choice, its branches, and the step where they meet."""
    name, join = next(names), pipe(next(names))
    then = [pipe(next(names)), *(_steps(draw, names, depth) if depth else [])]
    other = [pipe(next(names)), *(_steps(draw, names, depth) if depth else [])] if draw(st.booleans()) else []
    made = choice(name, then[0].name, other[0].name if other else None, join.name)
    return [made, *then, *other, join]


def text(lines):
    return "\n".join("".join(part for part, _ in line).rstrip() for line in lines)
