"""Decisions of held gates: who, what, why, and what was seen of the data at the time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import Connection, text

from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import Decision
from spine_temporal.recording.fence import partition_values

_DECISIONS = uuid5(NAMESPACE_URL, "spine-temporal/decisions")

#: Says of ``by`` where it comes from: Temporal's server, the sender, or the gate's deadline.
VERIFIED, TOLD, DEADLINE = "temporal", "told", "deadline"

# What was seen is what the gate had measured in this round, with its thresholds.
_INSERT = text("""
    INSERT INTO core_decisions (decision_id, run_id, workflow_id, workflow, partition_key, step, round, number, action,
        start_from, by, identity, told_as, reason, evidence, is_final, error, category, seen, decided_at)
    SELECT :decision_id, :run_id, :workflow_id, :workflow, CAST(:partition_key AS jsonb), :step, :round, :number,
        :action, :start_from, :by, :identity, :told_as, :reason, :evidence, :is_final, :error, :category,
        coalesce(jsonb_agg(jsonb_build_object(
            'check', check_name, 'value', value, 'threshold', threshold, 'passed', passed
        ) ORDER BY check_name) FILTER (WHERE check_name IS NOT NULL), '[]'::jsonb),
        coalesce(CAST(:decided_at AS timestamptz), now())
    FROM core_quality
    WHERE run_id = :run_id AND step = :step AND round = :round
    ON CONFLICT (decision_id) DO NOTHING
""")

_IS_DECIDED = text("SELECT 1 FROM core_decisions WHERE decision_id = :decision_id")

_LIST = text("""
    SELECT workflow, workflow_id, run_id, partition_key, step, round, action, start_from, by, identity, told_as, reason,
        evidence, is_final, error, category, seen, decided_at
    FROM core_decisions WHERE CAST(:workflow AS text) IS NULL OR workflow = :workflow
    ORDER BY decided_at DESC, number DESC LIMIT :limit
""")


@dataclass(frozen=True, kw_only=True)
class Decided:
    """One person's decision of a held gate, in one round of it."""

    key: RunKey
    step: str
    round: int
    #: Its place among those of the round.
    number: int
    decision: Decision
    #: Whether the run goes on by it; else a second person is waited for.
    is_final: bool
    #: What the gate had answered.
    error: str
    category: str
    #: Who Temporal knows the sender to be; None: nobody.
    principal: str | None = None

    @property
    def decision_id(self) -> UUID:
        """The id of the row, the same however often it is written."""
        return uuid5(_DECISIONS, f"{self.key.execution_run_id}/{self.step}#{self.round}/{self.number}")

    def values(self) -> dict[str, Any]:
        """Return the values of the row."""
        decision = self.decision
        of_deadline = decision.update_id is None and decision.by == DEADLINE
        name = self.principal or decision.by
        identity = DEADLINE if of_deadline else VERIFIED if self.principal or decision.is_verified else TOLD
        return {
            **partition_values(self.key),
            "decision_id": self.decision_id,
            "workflow_id": self.key.workflow_id,
            "workflow": self.key.workflow,
            "step": self.step,
            "round": self.round,
            "number": self.number,
            "action": decision.action,
            "start_from": decision.start_from,
            "by": name,
            "identity": identity,
            "told_as": decision.by if name != decision.by else None,
            "reason": decision.reason,
            "evidence": decision.evidence,
            "is_final": self.is_final,
            "error": self.error,
            "category": self.category,
            "decided_at": decision.at,
        }


def record_decided(connection: Connection, decided: Sequence[Decided]) -> None:
    """Write decisions; those that are there already stay as they are."""
    for each in decided:
        connection.execute(_INSERT, each.values())


def is_decided(connection: Connection, decided: Decided) -> bool:
    """Return whether the decision is written."""
    return connection.execute(_IS_DECIDED, {"decision_id": decided.decision_id}).scalar() is not None


def list_decisions(connection: Connection, *, workflow: str | None, limit: int) -> list[Mapping[str, Any]]:
    """Return decisions, newest first."""
    return [dict(row) for row in connection.execute(_LIST, {"workflow": workflow, "limit": limit}).mappings()]
