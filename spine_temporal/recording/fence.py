"""The fence of a partition: what every transaction of a run requires before it may write."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.params import canonical
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import WorkflowStatus

# What a transaction sees of its partition and its run. The ledger is counted only for runs that say how much of it they
# know. What was sent back counts twice, so that a decision that was restored away is missed.
_OWN = """
    (SELECT run_id FROM held) AS holder, (SELECT workflow_id FROM held) AS holder_workflow_id,
    (SELECT epoch FROM held) AS epoch, (SELECT status FROM core_runs WHERE run_id = :run_id) AS run_status,
    CASE WHEN CAST(:acknowledged AS int) > 0 THEN (
        SELECT coalesce(sum(CASE status WHEN 'SUPERSEDED' THEN 2 ELSE 1 END), 0) FROM core_executions
        WHERE run_id = :run_id AND status IN ('COMPLETED', 'SUPERSEDED')
    ) ELSE 0 END AS executions
"""

_OF_OTHERS = """,
    (
        SELECT count(*) FROM core_runs
        WHERE run_id IN (SELECT jsonb_array_elements_text(CAST(:sub_runs AS jsonb))) AND result IS NOT NULL
    ) AS sub_runs, (
        SELECT count(*) FROM jsonb_each_text(CAST(:kept AS jsonb)) AS kept (run_id, executions)
        WHERE CAST(kept.executions AS int) <= (
            SELECT count(*) FROM core_executions AS done
            WHERE done.run_id = kept.run_id AND done.status IN ('COMPLETED', 'SUPERSEDED')
        )
    ) AS kept_runs
"""

#: The partition's row, to be locked by what follows.
HELD = """SELECT run_id, workflow_id, epoch FROM core_partitions
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb)"""


#: Where a statement has the columns of its fence.
FENCE = "/* fence */"


class FencedStatement:
    """A statement that locks the partition in ``held``, and tells with its other columns what ``Fence`` has.

    What a run has of others is asked for those alone that have it: Postgres takes that for so dear that it would plan
    the statement anew each time.
    """

    def __init__(self, sql: str) -> None:
        """``sql`` has ``FENCE`` where those columns belong."""
        self._alone, self._with_others = (text(sql.replace(FENCE, columns)) for columns in (_OWN, _OWN + _OF_OTHERS))

    def row(self, connection: Connection, values: Mapping[str, Any], acknowledged: "Acknowledged") -> RowMapping:
        """Run it, and return its row."""
        statement = self._with_others if acknowledged.sub_runs or acknowledged.kept else self._alone
        return connection.execute(statement, {**values, **acknowledged.values()}).mappings().one()


_FENCE = FencedStatement(f"WITH held AS MATERIALIZED ({HELD} FOR SHARE) SELECT {FENCE}")


class ClaimLostError(SpineError):
    """Raised when a run's transaction meets a partition whose epoch is another run's."""

    def __init__(self, key: RunKey, fence: "Fence") -> None:
        who = "nobody holds it: its books were closed"
        if fence.holder == key.run_id:
            who = f"the run has taken it again, under epoch {fence.epoch}"
        elif fence.holder is not None:
            who = f"run {fence.holder} of workflow id {fence.holder_workflow_id!r} has it, under epoch {fence.epoch}"
        super().__init__(
            f"run {key.run_id} does not hold partition {canonical(dict(key.partition))} of {key.workflow!r} under "
            f"epoch {key.epoch} any more, so it has written nothing: {who}",
            ErrorCategory.CLAIM_LOST,
        )


class StateLostError(SpineError):
    """Raised when the database knows less of a run than the run's own history."""

    def __init__(self, key: RunKey, what: str) -> None:
        super().__init__(
            f"the database does not know {what} of run {key.run_id} ({key.workflow}, partition "
            f"{canonical(dict(key.partition))}): it was restored to an earlier state, or is another one; nothing was "
            f"written. Look with `spine-temporal reconcile '{key.workflow_id}'`, then start the partition again",
            ErrorCategory.STATE_LOST,
        )


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """What a run's history holds of its work: a database that has less of it was restored."""

    #: Completed executions; one that a decision has sent back counts twice.
    executions: int = 0
    #: Runs of its sub-workflows that have ended.
    sub_runs: tuple[str, ...] = ()
    #: How many executions of other runs of its lineage it has taken as its own, by run.
    kept: Mapping[str, int] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Return what a ``FencedStatement`` needs of it."""
        return {
            "acknowledged": self.executions,
            "sub_runs": json.dumps(self.sub_runs),
            "kept": json.dumps(dict(self.kept)),
        }


#: Of a run whose history holds nothing that counts.
NOTHING = Acknowledged()


@dataclass(frozen=True, kw_only=True)
class Fence:
    """Who holds a partition, and what the database knows of the run that asks."""

    #: None: nobody.
    holder: str | None
    holder_workflow_id: str | None
    epoch: int | None
    #: None: the database has no row of the run.
    run_status: str | None
    #: How many pipeline executions the run has completed; one that was sent back counts twice. 0 where nobody asked.
    executions: int = 0
    #: How many of the run's acknowledged sub-runs have ended.
    sub_runs: int = 0
    #: Of how many runs all those executions are known that the run has taken.
    kept_runs: int = 0

    @classmethod
    def of(cls, row: RowMapping) -> "Fence":
        """Return the fence of a ``FencedStatement``'s row."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__ if name in row})

    @property
    def has_ended(self) -> bool:
        """Whether the run's end is recorded."""
        return self.run_status is not None and self.run_status != WorkflowStatus.RUNNING.value

    def lost(self, key: RunKey, acknowledged: Acknowledged = NOTHING) -> SpineError | None:
        """Return why the run may not write; None: it may."""
        if self.run_status is None:
            return StateLostError(key, "the row")
        known = acknowledged.executions
        if self.executions < known:
            return StateLostError(key, f"{known - self.executions} of {known} completed or sent back executions")
        if self.sub_runs < len(acknowledged.sub_runs):
            return StateLostError(key, f"the end of sub-runs ({', '.join(acknowledged.sub_runs)})")
        if self.kept_runs < len(acknowledged.kept):
            return StateLostError(key, f"steps that were taken from other runs ({', '.join(acknowledged.kept)})")
        if self.holder != key.run_id or self.epoch != key.epoch or self.has_ended:
            return ClaimLostError(key, self)
        return None


def require_fence(connection: Connection, key: RunKey, acknowledged: Acknowledged = NOTHING) -> None:
    """Keep the partition as it is until the transaction has ended; raise where the run may not write."""
    lost = Fence.of(_FENCE.row(connection, partition_values(key), acknowledged)).lost(key, acknowledged)
    if lost is not None:
        raise lost


def partition_values(key: RunKey) -> dict[str, Any]:
    """Return what a statement needs to find the run and its partition."""
    return {
        "domain": key.recording_domain,
        "partition_key": canonical(dict(key.partition)),
        "run_id": key.run_id,
        "epoch": key.epoch,
    }
