"""What a decision of a held gate needs beyond a person's word: who may, the evidence, a second person."""

from fnmatch import fnmatchcase

from spine_temporal.definition.run_result import Decision
from spine_temporal.machine.plan import PlannedApproval
from spine_temporal.translation.decisions import refused


def weighed(step: str, approval: PlannedApproval, first: Decision | None, decision: Decision) -> Decision | None:
    """Return the decision that counts, None where a second person is to decide the same; raise for what may not be.

    ``first``: what the first person has decided, where a second one is waited for.
    """
    _require_approver(step, approval, decision)
    if decision.action != "waive" or not approval.four_eyes:
        return decision
    if first is None or first.by == decision.by:
        return None
    return first.model_copy(update={"second": decision, "at": decision.at})


def told_of_first(step: str, first: Decision) -> str:
    """Return the answer to the first of two people."""
    return f"{first.by} wants to waive {step}; a second person decides the same: `spine-temporal waive`"


def _require_approver(step: str, approval: PlannedApproval, decision: Decision) -> None:
    if approval.approvers and not any(fnmatchcase(decision.by, pattern) for pattern in approval.approvers):
        known = "Temporal knows the sender as" if decision.is_verified else "the sender is"
        raise refused(f"step {step!r} is decided by {', '.join(approval.approvers)}; {known} {decision.by!r}")
