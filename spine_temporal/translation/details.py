"""What Temporal's Web UI shows of a run while it runs and after: Markdown, written from the state."""

from collections.abc import Iterable

from spine_temporal.definition.run_result import StepExecution, StepStatus, WorkflowResult, WorkflowStatus
from spine_temporal.machine.plan import (
    AnyPlanned,
    PlannedGate,
    PlannedMap,
    PlannedPipeline,
    PlannedWait,
    PlannedWaitFor,
    PlannedWorkflow,
)
from spine_temporal.machine.state import State

#: Rows of the table; a longer plan shows its last steps.
MAX_ROWS = 60
_COLUMNS = ("step", "kind", "status", "attempts", "seconds", "rows")
#: Ends each cell: the Web UI sets its columns one beside the other.
_GAP = "\N{EM SPACE}"


def current_details(state: State, waiting: str = "") -> str:
    """Return the run's steps as a Markdown table; above it how the run stands, what it waits for and what failed."""
    held = bool(state.held) and state.status is WorkflowStatus.RUNNING
    head = [f"**{StepStatus.HELD if held else state.status}**"]
    if waiting:
        head.append(f"Waits: {waiting}")
    head += [_held(state, name) for name in state.held]
    head += [_running(state, name) for name in state.running]
    return "\n\n".join([*head, *_failures(state), _table(state)])


def ended_details(state: State, result: WorkflowResult) -> str:
    """Return the same of a run that has ended: how, and after how long."""
    after = "" if result.duration_seconds is None else f" after {result.duration_seconds:.2f} s"
    return "\n\n".join([f"**{ending(result)}**{after}", *_failures(state), _table(state)])


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


def _table(state: State) -> str:
    rows = [_row(place.step, state) for place in state.plan.places.values()]
    if state.status is WorkflowStatus.RUNNING:
        rows = rows[-MAX_ROWS:]
    return "\n".join((_cells(_COLUMNS), "|---" * len(_COLUMNS) + "|", *rows[:MAX_ROWS]))


def _cells(values: Iterable[object]) -> str:
    return f"| {' | '.join(f'{value}{_GAP}' for value in values)} |"


def _held(state: State, name: str) -> str:
    outcome = state.held[name]
    return (
        f"Waits: `{name}` is held for a person ({outcome.category}: {_cell(outcome.error or '')}): "
        "`spine-temporal waive`, `retry-step` or `abort`, or the update of that name"
    )


def _failures(state: State) -> list[str]:
    failed = [execution for execution in state.executions.values() if execution.status is StepStatus.FAILED]
    return [f"`{step.step_name}` failed ({step.error_category}): {_cell(step.error or '')}" for step in failed]


def _running(state: State, name: str) -> str:
    """Say what runs; how often Temporal has tried it, the Web UI shows itself."""
    step = state.plan.places[name].step
    if isinstance(step, PlannedPipeline):
        most = step.retry.max_attempts
        return (
            f"Runs: `{name}` (pipeline `{step.pipeline}`, {'1 attempt' if most == 1 else f'up to {most} attempts'}); "
            "its last failure stands under Pending Activities"
        )
    if isinstance(step, PlannedWait):
        until = f"until {step.until:%Y-%m-%d %H:%M:%S %Z}" if step.until else f"for {step.seconds:g} s"
        return f"Waits: `{name}`, a timer, {until}"
    if isinstance(step, PlannedWaitFor):
        return f"Waits: `{name}`, for {step.workflow} to be {step.reached}; its last look is under Pending Activities"
    if isinstance(step, PlannedMap):
        items = state.executions[name].items
        done = f"{items.completed + items.failed} of {items.total} items, {items.failed} failed" if items else "begins"
        return f"Runs: `{name}` (a map of `{step.workflow}`): {done}"
    if isinstance(step, PlannedWorkflow):
        return f"Runs: `{name}` (workflow `{step.workflow}`): see Relationships"
    return f"Runs: `{name}`"


def _row(step: AnyPlanned, state: State) -> str:
    execution = state.executions.get(step.name)
    rows = state.outputs.get(step.name, {}).get("row_count", "")
    attempts = execution.attempt if execution and isinstance(step, PlannedPipeline) and execution.attempt else ""
    kind = "gate" if isinstance(step, PlannedGate) else step.kind
    return _cells((step.name, kind, _status(execution), attempts, _seconds(execution), _cell(str(rows))))


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
