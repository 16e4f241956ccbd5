"""Small plans, runs and events, and a run's commands in words."""

from datetime import UTC, datetime

from spine_temporal import Step, StepResult, Workflow
from spine_temporal.definition.run_result import Decision
from spine_temporal.machine.machine import advance, start
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.state import Cancelled, Decided, Do, Finish, Hold, Run, StepEnded, Stop
from spine_temporal.machine.step_outcome import CONDITION, Completed, Failed, Skipped
from spine_temporal.machine.step_outcome import Cancelled as Stopped

NOON = datetime(2025, 11, 28, 12, tzinfo=UTC)


def pipe(name, **options):
    return Step.pipeline(name, "p", **options)


def gate(name, **options):
    return Step.lambda_(name, lambda ctx, config: StepResult.ok(), **options)


def choice(name, then, otherwise=None, join=None):
    return Step.choice(name, lambda ctx: True, then, otherwise, join)


def planned(*steps, **options):
    return plan_of(Workflow(name="w", steps=list(steps), **options))


def begin(plan, kept=None, **options):
    return start(plan, Run(run_id="r1", started_at=NOON, **options), kept)


def outcome(step, **fields):
    """Return how a step ended; which way, its fields say."""
    if "error" in fields:
        return Failed(step=step, **fields)
    return Skipped(step=step, **fields) if "skip_reason" in fields else Completed(step=step, **fields)


def ended(step, at=NOON, **fields):
    return StepEnded(outcome=outcome(step, **fields), at=at)


def ok(step, **output):
    return ended(step, output=output)


def bad(step, category="DATA_QUALITY", error="bad", **fields):
    return ended(step, error=error, category=category, **fields)


def stopped(step):
    return StepEnded(outcome=Stopped(step=step), at=NOON)


def chosen(step, answer):
    return ended(step, output={CONDITION: answer})


def routed(step, target):
    return ended(step, next_step=target)


def decided(step, action, start_from=None):
    return Decided(step=step, decision=Decision(action=action, by="ann", reason="why", start_from=start_from), at=NOON)


CANCELLED = Cancelled(at=NOON)


def play(move, *events):
    """Let the events happen; return the last state, and in words what it asked for each time."""
    state, commands = move
    asked = [words(commands)]
    for event in events:
        state, commands = advance(state, event)
        asked.append(words(commands))
    return state, asked


def words(commands):
    return ", ".join(_word(command) for command in commands)


def _word(command):
    match command:
        case Do():
            return f"do {command.step.name}{f'#{command.round}' if command.round else ''}"
        case Hold():
            return f"hold {command.step.name}{f'#{command.round}' if command.round else ''}"
        case Stop():
            return f"stop {'+'.join(command.steps)}"
        case Finish():
            return "finish"


def statuses(state):
    return {name: str(execution.status) for name, execution in state.executions.items()}
