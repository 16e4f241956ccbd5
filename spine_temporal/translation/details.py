"""What Temporal's Web UI shows of a run while it runs and after: Markdown, written from the state."""

from spine_temporal.definition.outcome import StepExecution, WorkflowStatus
from spine_temporal.machine.plan import PlannedMap, PlannedPipeline, PlannedWait, PlannedWaitFor, PlannedWorkflow
from spine_temporal.machine.state import State

#: Rows of the table; a longer plan shows its last steps.
MAX_ROWS = 60


def current_details(state: State, waiting: str = "") -> str:
    """Return the run's steps as a Markdown table, with what it waits for and why it failed above it."""
    head = [f"**{state.status}**"]
    if waiting:
        head.append(f"Waits: {waiting}")
    head += [_held(state, name) for name in state.held]
    head += [_running(state, name) for name in state.running]
    if state.failure is not None:
        head.append(f"`{state.failure.step}` failed ({state.failure.category}): {_cell(state.failure.error)}")
    planned = {name: place.step.kind for name, place in state.plan.places.items()}
    rows = [_row(name, kind, state) for name, kind in planned.items()]
    if len(rows) > MAX_ROWS and state.status is WorkflowStatus.RUNNING:
        rows = rows[-MAX_ROWS:]
    table = ["| step | kind | status | seconds | rows |", "|---|---|---|---|---|", *rows[:MAX_ROWS]]
    return "\n\n".join([*head, "\n".join(table)])


def _held(state: State, name: str) -> str:
    outcome = state.held[name]
    return (
        f"Waits: `{name}` is held for a person ({outcome.category}: {_cell(outcome.error or '')}): "
        "`spine-temporal waive`, `retry-step` or `abort`, or the update of that name"
    )


def _running(state: State, name: str) -> str:
    """Say what runs; how often Temporal has tried it, the Web UI shows itself."""
    step = state.plan.places[name].step
    if isinstance(step, PlannedPipeline):
        return f"Runs: `{name}` (pipeline `{step.pipeline}`); its attempts stand under Pending Activities"
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


def _row(name: str, kind: str, state: State) -> str:
    execution = state.executions.get(name)
    rows = state.outputs.get(name, {}).get("row_count", "")
    status = execution.status.value if execution else "-"
    if execution and (execution.kept_from or execution.reason):
        status += " (kept)" if execution.kept_from else f" ({_cell(execution.reason or '')})"
    if execution and execution.decision:
        status += f" ({_cell(str(execution.decision))})"
    return f"| {name} | {kind} | {status} | {_seconds(execution)} | {_cell(str(rows))} |"


def _seconds(execution: StepExecution | None) -> str:
    if execution is None or execution.duration_seconds is None:
        return ""
    return f"{execution.duration_seconds:.2f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:300]
