"""The fence of a partition: what every transaction of a run requires before it may write."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.outcome import WorkflowStatus
from spine_temporal.definition.params import canonical
from spine_temporal.definition.run_key import RunKey

#: What a transaction sees of its partition and its run. Part of statements that lock the partition in ``held``; the
#: ledger is counted only for runs that say how much of it they know.
FENCE_COLUMNS = """
    (SELECT run_id FROM held) AS holder, (SELECT workflow_id FROM held) AS holder_workflow_id,
    (SELECT epoch FROM held) AS epoch, (SELECT status FROM core_runs WHERE run_id = :run_id) AS run_status,
    CASE WHEN CAST(:acknowledged AS int) > 0 THEN (
        SELECT count(*) FROM core_executions WHERE run_id = :run_id AND status IN ('COMPLETED', 'SUPERSEDED')
    ) ELSE 0 END AS executions
"""

#: The partition's row, to be locked by what follows.
HELD = """SELECT run_id, workflow_id, epoch FROM core_partitions
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb)"""

_FENCE = text(f"WITH held AS MATERIALIZED ({HELD} FOR SHARE) SELECT {FENCE_COLUMNS}")


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
class Fence:
    """Who holds a partition, and what the database knows of the run that asks."""

    #: None: nobody.
    holder: str | None
    holder_workflow_id: str | None
    epoch: int | None
    #: None: the database has no row of the run.
    run_status: str | None
    #: Completed pipeline executions of the run; 0 where it was not asked.
    executions: int

    @classmethod
    def of(cls, row: Any) -> "Fence":
        """Return the fence of a row with ``FENCE_COLUMNS``."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})

    @property
    def has_ended(self) -> bool:
        """Whether the run's end is recorded."""
        return self.run_status is not None and self.run_status != WorkflowStatus.RUNNING.value

    def lost(self, key: RunKey, acknowledged: int = 0) -> SpineError | None:
        """Return why the run may not write; None: it may.

        ``acknowledged``: executions whose completion the run's history holds.
        """
        if self.run_status is None:
            return StateLostError(key, "the row")
        if self.executions < acknowledged:
            return StateLostError(key, f"{acknowledged - self.executions} of {acknowledged} completed executions")
        if self.holder != key.run_id or self.epoch != key.epoch or self.has_ended:
            return ClaimLostError(key, self)
        return None


def require_fence(connection: Connection, key: RunKey, acknowledged: int = 0) -> None:
    """Keep the partition as it is until the transaction has ended; raise where the run may not write."""
    values = {**partition_values(key), "acknowledged": acknowledged}
    row = connection.execute(_FENCE, values).mappings().one()
    lost = Fence.of(row).lost(key, acknowledged)
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
