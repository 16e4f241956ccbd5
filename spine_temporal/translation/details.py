"""What Temporal's Web UI shows of a run while it runs and after: Markdown, written from the state."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, assert_never

from spine_temporal.definition.run_result import (
    ItemCounts,
    StepExecution,
    StepStatus,
    WorkflowResult,
    WorkflowStatus,
)
from spine_temporal.machine.state import State
from spine_temporal.translation.shown_checks import Qualities, checks_table
from spine_temporal.translation.waiting import (
    BusyPartition,
    Cause,
    DecidedGate,
    HeldGate,
    MissingCode,
    Obstacle,
    OtherPartitions,
    RunningMap,
    RunningPipeline,
    RunningStep,
    RunningWorkflow,
    Timer,
    Unrecorded,
    waiting_of,
)

#: Rows of the table; a longer plan shows its last steps.
MAX_ROWS = 60
_COLUMNS = ("step", "kind", "status", "attempts", "seconds", "rows")
#: What keeps the run as a whole from going on, and stands above all else.
_OF_THE_RUN = Unrecorded | BusyPartition
#: Ends each cell: the Web UI sets its columns one beside the other.
_GAP = "\N{EM SPACE}"


def current_details(
    state: State | None, obstacles: tuple[Obstacle, ...] = (), qualities: Qualities = MappingProxyType({})
) -> str:
    """Return the run's steps as a Markdown table; above it how the run stands, what it waits for and what failed.

    Below it, what its gates have checked.
    Above all of it, what the run cannot record; of a run that has not begun (None), there is no more to say.
    """
    away = [_told(cause) for cause in obstacles if isinstance(cause, _OF_THE_RUN)]
    if state is None:
        return "\n\n".join(away)
    held = bool(state.held) and state.status is WorkflowStatus.RUNNING
    head = [*away, f"**{StepStatus.HELD if held else state.status}**"]
    head += [_told(cause) for cause in waiting_of(state, obstacles).causes if not isinstance(cause, _OF_THE_RUN)]
    return "\n\n".join([*head, *_below(state, qualities)])


def ended_details(state: State, result: WorkflowResult, qualities: Qualities = MappingProxyType({})) -> str:
    """Return the same of a run that has ended: how, and after how long."""
    return "\n\n".join([_head(result), *_below(state, qualities)])


def recorded_details(result: WorkflowResult) -> str:
    """Return the same of a run whose end was recorded when it was asked to begin again: with the steps it came to."""
    rows = [
        _row(step.step_name, step.step_type, step, result.outputs.get(step.step_name, {}))
        for step in result.step_executions
    ]
    return "\n\n".join([_head(result), *_failures(result.step_executions), _table(rows)])


def ending(result: WorkflowResult) -> str:
    """Return how a run ended, in a line."""
    where = f" at {result.error_step}" if result.error_step else ""
    return f"{result.status}{where}{f' ({result.error_category})' if result.error_category else ''}"


def earlier_details(result: WorkflowResult) -> str:
    """Return what there is to say of a run that had nothing left to do."""
    at = f" at {result.completed_at:%Y-%m-%d %H:%M:%S} UTC" if result.completed_at else ""
    return (
        f"**{result.status} before**\n\nAlready completed by run `{result.run_id}`{at}: nothing was done; `--force` "
        "runs it again."
    )


def refused_details(category: str, message: str) -> str:
    """Return what there is to say of a run that has not begun."""
    return f"**FAILED before its first step** ({category})\n\n{_cell(message)}"


def _head(result: WorkflowResult) -> str:
    after = "" if result.duration_seconds is None else f" after {result.duration_seconds:.2f} s"
    return f"**{ending(result)}**{after}"


def _below(state: State, qualities: Qualities) -> list[str]:
    """Return what failed, the steps, and what was checked."""
    rows = [
        _row(name, place.step.kind, state.executions.get(name), state.outputs.get(name, {}))
        for name, place in state.plan.places.items()
    ]
    if state.status is WorkflowStatus.RUNNING:
        rows = rows[-MAX_ROWS:]
    return [*_failures(state.executions.values()), _table(rows), *checks_table(qualities)]


def _table(rows: Sequence[str]) -> str:
    return "\n".join((_cells(_COLUMNS), "|---" * len(_COLUMNS) + "|", *rows[:MAX_ROWS]))


def _cells(values: Iterable[object]) -> str:
    return f"| {' | '.join(f'{value}{_GAP}' for value in values)} |"


def _failures(executions: Iterable[StepExecution]) -> list[str]:
    failed = [execution for execution in executions if execution.status is StepStatus.FAILED]
    return [f"`{step.step_name}` failed ({step.error_category}): {_cell(step.error or '')}" for step in failed]


def _told(cause: Cause) -> str:  # noqa: C901, PLR0911 - one for each cause
    """Say what is waited for or runs; how often Temporal has tried it, the Web UI shows itself."""
    match cause:
        case Unrecorded():
            return f"Waits: {f'{cause.activity} {cause.summary}'.strip()}: {cause.error}"
        case BusyPartition():
            return f"Waits: {_cell(cause.told)}; its last look is under Pending Activities"
        case MissingCode():
            return f"Waits: a worker whose {cause.workflow!r} has the {cause.step_kind} step {cause.step!r}"
        case HeldGate():
            return (
                f"Waits: `{cause.step}` is held for a person ({cause.category}: {_cell(cause.error)}): "
                "`spine-temporal waive`, `retry-step` or `abort`, or the update of that name"
                + (f"; {_cell(cause.asks)}" if cause.asks else "")
            )
        case DecidedGate():
            return f"Waits: `{cause.step}`, {cause.decision}: it goes on when that is recorded; see Pending Activities"
        case Timer():
            return f"Waits: `{cause.step}`, a timer, {cause.ends}"
        case OtherPartitions():
            return (
                f"Waits: `{cause.step}`, for {cause.workflow} to be {cause.reached}; its last look is under Pending "
                "Activities"
            )
        case RunningPipeline():
            most = "1 attempt" if cause.max_attempts == 1 else f"up to {cause.max_attempts} attempts"
            return (
                f"Runs: `{cause.step}` (pipeline `{cause.pipeline}`, {most}); its last failure stands under Pending "
                "Activities"
            )
        case RunningMap():
            return f"Runs: `{cause.step}` (a map of `{cause.workflow}`): {_come(cause.items)}"
        case RunningWorkflow():
            return f"Runs: `{cause.step}` (workflow `{cause.workflow}`): see Relationships"
        case RunningStep():
            return f"Runs: `{cause.step}`"
    assert_never(cause)


def _come(items: ItemCounts | None) -> str:
    """Say how far a map has come."""
    if items is None:
        return "begins"
    return f"{items.completed + items.failed} of {items.total} items, {items.failed} failed"


def _row(name: str, kind: str, execution: StepExecution | None, output: Mapping[str, Any]) -> str:
    attempts = execution.attempt if execution and kind == "pipeline" and execution.attempt else ""
    rows = _cell(str(output.get("row_count", "")))
    shown = "gate" if kind == "lambda" else kind
    return _cells((name, shown, _status(execution), attempts, _seconds(execution), rows))


def _status(execution: StepExecution | None) -> str:
    if execution is None:
        return "-"
    status = execution.status.value
    if execution.kept_from or execution.reason:
        status += " (kept)" if execution.kept_from else f" ({_cell(execution.reason or '')})"
    return f"{status} ({_cell(str(execution.decision))})" if execution.decision else status


def _seconds(execution: StepExecution | None) -> str:
    if execution is None or execution.duration_seconds is None:
        return ""
    return f"{execution.duration_seconds:.2f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:300]
