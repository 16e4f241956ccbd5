"""How a run takes a decision of a held gate: who sent it, whether that person may, whether a second one is needed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio import workflow as temporal
from temporalio.common import RetryPolicy

from spine_temporal.definition.run_result import Decision
from spine_temporal.machine.plan import PlannedApproval
from spine_temporal.machine.state import approval_of
from spine_temporal.translation.approvals import told_of_first, weighed
from spine_temporal.translation.decisions import decision_digest, decision_of, refused
from spine_temporal.translation.gate_messages import Identified, IdentifyRequest
from spine_temporal.translation.live_run import LiveRun
from spine_temporal.translation.messages import IDENTIFY

#: What a worker gets to find out who has sent a decision; the sender waits a little longer.
_PATIENCE = timedelta(seconds=15)


async def decide(run: LiveRun, action: str, given: Mapping[str, Any]) -> str:
    """Keep a decision, on which the step that waits acts; return what is told to the sender."""
    step, decision = decision_of(action, given, run.state, run.decisions)
    update = temporal.current_update_info()
    decision = decision.model_copy(
        update={
            "at": temporal.now(),
            "update_id": update.id if update is not None else None,
            "digest": decision_digest(action, given),
        }
    )
    approval = approval_of(run.state, step)
    if approval is None:
        run.decisions[step] = decision
        return f"{step} {decision}"
    decision = await _identified(decision, given)
    decision_of(action, {**given, "step": step}, run.state, run.decisions)  # it may have been decided meanwhile
    return _weighed(run, step, approval, decision)


def _weighed(run: LiveRun, step: str, approval: PlannedApproval, decision: Decision) -> str:
    proposals = run.proposals.setdefault(step, [])
    counts = weighed(step, approval, proposals[-1] if proposals else None, decision)
    if counts is None:
        proposals.append(decision)
        return told_of_first(step, decision)
    run.decisions[step] = counts
    return f"{step} {counts}"


async def _identified(decision: Decision, given: Mapping[str, Any]) -> Decision:
    """Return the decision as of whom Temporal knows its sender to be, where it knows anybody."""
    request = IdentifyRequest(
        update_id=decision.update_id or "", digest=decision.digest or "", until=given.get("until")
    )
    found: Identified = await temporal.execute_activity(
        IDENTIFY,
        request,
        result_type=Identified,
        start_to_close_timeout=timedelta(seconds=10),
        schedule_to_close_timeout=_PATIENCE,
        retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1)),
        summary=f"who has decided: {decision.by}"[:200],
    )
    if found.is_late:
        raise refused("it came too late: who sent it was told that nobody had taken it; decide again")
    if found.name is None:
        return decision
    return decision.model_copy(update={"by": found.name, "is_verified": True})
