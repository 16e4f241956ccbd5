"""What is asserted of a run; each failure says what was wanted and shows what there was."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spine_temporal.definition.run_result import WorkflowResult, WorkflowStatus

if TYPE_CHECKING:
    from spine_temporal.testing.durable import DurableRun


def assert_completed(run: "WorkflowResult | DurableRun", *steps: str) -> None:
    """Assert that a run COMPLETED, and these steps in this order, where any are named."""
    __tracebackhide__ = True
    result = _result(run)
    if result.status is not WorkflowStatus.COMPLETED:
        _fail(f"{result.workflow_name!r} was to complete, and is {result.status.value}", _steps(result))
    if steps and list(steps) != result.completed_steps:
        _fail(f"{result.workflow_name!r} was to complete the steps {', '.join(steps)}", _steps(result))


def assert_failed(run: "WorkflowResult | DurableRun", at: str, category: str | None = None, words: str = "") -> None:
    """Assert that a run FAILED at a step, with this category and these words in its error."""
    __tracebackhide__ = True
    result = _result(run)
    wanted = f"{result.workflow_name!r} was to fail at {at!r}"
    if (result.status, result.error_step) != (WorkflowStatus.FAILED, at):
        _fail(f"{wanted}, and is {result.status.value}", _steps(result))
    if category is not None and result.error_category != category:
        _fail(f"{wanted} with {category}, and failed with {result.error_category}", _steps(result))
    if words not in (result.error or ""):
        _fail(f"{wanted} and say {words!r}", _steps(result))


def assert_outputs(run: "WorkflowResult | DurableRun", outputs: Mapping[str, Mapping[str, Any]]) -> None:
    """Assert what steps gave: of each step the keys that are named, others may be there."""
    __tracebackhide__ = True
    result = _result(run)
    for step, wanted in outputs.items():
        if step not in result.outputs:
            _fail(f"step {step!r} was to give {dict(wanted)}, and gave nothing", _steps(result))
        given = result.outputs[step]
        wrong = [
            f"{key}: {given.get(key, 'nothing')!r}, and not {value!r}"
            for key, value in wanted.items()
            if key not in given or given[key] != value
        ]
        if wrong:
            _fail(f"step {step!r} gave another output", [*wrong, f"all of it: {dict(given)}"])


def assert_manifest(run: "DurableRun", stages: Mapping[str, int | None] | Sequence[str]) -> None:
    """Assert the stages of the run's partition, in order; as a mapping, with the rows of each."""
    __tracebackhide__ = True
    rows = {row["stage"]: row["row_count"] for row in run.manifest}
    wanted: list[Any] = list(stages.items()) if isinstance(stages, Mapping) else list(stages)
    given: list[Any] = list(rows.items()) if isinstance(stages, Mapping) else list(rows)
    if wanted != given:
        lines = [f"{stage}  {count if count is not None else '-'}" for stage, count in rows.items()]
        _fail(f"the manifest was to have {_listed(wanted)}, and has", lines)


def assert_anomalies(run: "DurableRun", wanted: Iterable[tuple[str, str]] = ()) -> None:
    """Assert the anomalies, each as its stage and words of its message; none where none is named.

    A run that failed has one of the stage ``workflow.STEP``.
    """
    __tracebackhide__ = True
    left, given = list(wanted), run.anomalies
    lines = [f"{row['severity']} {row['category']} {row['stage']}: {row['message']}" for row in given]
    for row in given:
        found = next((each for each in left if each[0] == row["stage"] and each[1] in row["message"]), None)
        if found is None:
            raise _failure(f"there was to be no anomaly of stage {row['stage']!r} with these words", lines)
        left.remove(found)
    if left:
        _fail(f"there was to be an anomaly of stage {left[0][0]!r} with the words {left[0][1]!r}", lines)


def assert_quality(run: "DurableRun", checks: Mapping[str, bool]) -> None:
    """Assert what was measured: ``STEP.CHECK`` and whether it passed; others may be there."""
    __tracebackhide__ = True
    given = {f"{row['step']}.{row['check_name']}": row for row in run.quality}
    lines = [f"{name}  {row['value']} against {row['threshold']}: {row['passed']}" for name, row in given.items()]
    for name, passed in checks.items():
        if name not in given:
            _fail(f"{name} was to be measured", lines)
        if given[name]["passed"] is not passed:
            _fail(f"{name} was {'' if passed else 'not '}to pass", lines)


def _result(run: "WorkflowResult | DurableRun") -> WorkflowResult:
    return run if isinstance(run, WorkflowResult) else run.result


def _steps(result: WorkflowResult) -> list[str]:
    lines = []
    for step in result.step_executions:
        error = f"  {step.error_category}: {step.error}" if step.error else ""
        lines.append(f"{step.step_name}  {step.status.value}{error}")
    return lines


def _listed(wanted: Sequence[Any]) -> str:
    return ", ".join(each if isinstance(each, str) else f"{each[0]} {each[1]}" for each in wanted) or "nothing"


def _fail(sentence: str, lines: Iterable[str]) -> None:
    __tracebackhide__ = True
    raise _failure(sentence, lines)


def _failure(sentence: str, lines: Iterable[str]) -> AssertionError:
    shown = "\n".join(f"  {line}" for line in lines) or "  nothing"
    return AssertionError(f"{sentence}:\n{shown}")
