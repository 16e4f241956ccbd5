"""What a person may decide of a held gate, checked before it enters the history. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from temporalio.exceptions import ApplicationError

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.params import fingerprint
from spine_temporal.definition.run_result import Decision, StepStatus
from spine_temporal.machine.plan import PlannedApproval
from spine_temporal.machine.state import State, approval_of


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    step: str | None = None
    by: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1)
    start_from: str | None = Field(default=None, alias="from")
    evidence: str | None = Field(default=None, min_length=1)
    #: Until when the sender waits, in seconds since 1970; after that the sender believes that nobody has heard it.
    until: float | None = None


def decision_of(
    action: str, given: Any, state: State | None, decided: Mapping[str, Decision], now: float = 0
) -> tuple[str, Decision]:
    """Return the step and the decision; raise for what does not fit, saying what would.

    ``now``: seconds since 1970 on the worker's clock, where it is not known yet whether the decision comes in time. A
    run's own clock is not asked: it may be days ahead of its sender's, where its time was skipped.
    """
    try:
        wish = _Given.model_validate(given)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the argument"
        raise refused(f'{where}: {problem["msg"]}; give {{"step": "NAME", "by": "WHO", "reason": "WHY"}}') from None
    if wish.until is not None and now > wish.until:
        raise refused("it came too late: who sent it was told that nobody had taken it; decide again")
    step = _held(wish.step, state, decided)
    if wish.start_from is not None and state is not None:
        _check_from(action, wish.start_from, step, state)
    evidence = {} if wish.evidence is None else {"evidence": clean_text(wish.evidence)}
    decision = Decision(
        action=action,
        by=clean_text(wish.by, 200),
        reason=clean_text(wish.reason),
        start_from=wish.start_from,
    ).model_copy(update=evidence)
    if state is not None:
        require_evidence(step, approval_of(state, step), decision)
    return step, decision


def require_evidence(step: str, approval: PlannedApproval | None, decision: Decision) -> None:
    """Raise where a waiver does not say what it rests on, and the gate asks for it."""
    if approval is not None and approval.evidence and decision.action == "waive" and not decision.evidence:
        raise refused(
            f"step {step!r} asks for evidence: say what the waiver rests on, as `--evidence TEXT` or "
            '{"evidence": "TEXT"}'
        )


def decision_digest(action: str, given: Mapping[str, Any]) -> str:
    """Return the digest of a decision as its sender gives it, which binds the sender's name to its content."""
    return fingerprint([action, {name: value for name, value in given.items() if name != "until"}])


def _held(step: str | None, state: State | None, decided: Mapping[str, Decision]) -> str:
    held = [name for name in (state.held if state else ()) if name not in decided]
    waits = f"held: {', '.join(held)}" if held else "no step of this run is held"
    if step is not None and state is not None and step in state.held and step in decided:
        raise refused(f"step {step!r} is decided already, {decided[step]}; {waits}")
    if step is None and len(held) == 1:
        return held[0]
    if step is None:
        raise refused(f"name the step to decide of; {waits}")
    if step not in held:
        raise refused(f"step {step[:100]!r} is not held; {waits}")
    return step


def _check_from(action: str, start_from: str, step: str, state: State) -> None:
    if action != "retry":
        raise refused(f"'from' goes with retry, not with {action}")
    place = state.plan.places[step]
    before = [planned.name for planned in state.plan.steps[: place.position] if _has_run(state, planned.name)]
    if place.parallel is not None:
        raise refused(f"step {step!r} runs beside others in {place.parallel.name!r}: only the check can be repeated")
    if start_from not in before:
        raise refused(f"from {start_from[:100]!r} is no step that ran before {step!r}; those are {', '.join(before)}")


def _has_run(state: State, step: str) -> bool:
    execution = state.executions.get(step)
    return execution is not None and execution.status is not StepStatus.SKIPPED


def refused(message: str) -> ApplicationError:
    """Return the error that tells the sender why a decision is not accepted."""
    return ApplicationError(message, type=ErrorCategory.CONFIGURATION.value, non_retryable=True)
