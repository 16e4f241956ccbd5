"""The boundaries of a run at which a worker may die, by name."""

from enum import StrEnum

#: Variables that tell a worker where to die: the point, the step, the file that says it has, the worker's own pid.
AT, STEP, MARKER, WORKER = "SPINE_CRASH_AT", "SPINE_CRASH_STEP", "SPINE_CRASH_MARKER", "SPINE_CRASH_WORKER"


class CrashPoint(StrEnum):
    """Where a worker dies. Those of a pipeline's attempt may be narrowed to one step."""

    #: An attempt, before it opens its transaction.
    BEFORE_TRANSACTION = "before the transaction"
    AFTER_LEDGER_ROW = "after the ledger row"
    AFTER_WRITES = "after the pipeline's writes"
    BEFORE_COMMIT = "before the commit"
    AFTER_COMMIT = "after the commit, before the answer"
    #: The workflow, as it hears that a step has ended.
    AFTER_ANSWER = "after the answer, before the next workflow task"
    #: An attempt of a step with a limit, as it takes its place at the source.
    IN_LEASE = "in the lease, before its commit"
    AFTER_LEASE = "in the lease, after its commit"
    #: A gate that is held, and what is decided of it, by a person or its deadline.
    IN_HOLD = "in the hold, before its commit"
    AFTER_HOLD = "in the hold, after its commit"
    IN_DECISION = "in the decision, before its commit"
    AFTER_DECISION = "in the decision, after its commit"
    #: The run's beginning.
    IN_BEGIN = "in begin, before its commit"
    AFTER_BEGIN = "in begin, after its commit"
    #: The run's end, by its last pipeline or by an activity of its own; the anomaly is that of a run that fails.
    IN_ANOMALY = "in the anomaly's write"
    #: What is told of such a run is in the outbox, and not committed.
    IN_OUTBOX = "in the outbox, before the commit"
    BEFORE_END = "in the end, before its commit"
    AFTER_END = "in the end, after its commit"

    @property
    def is_of_a_step(self) -> bool:
        """Whether it may be narrowed to one step."""
        return self in _OF_A_STEP


_OF_A_STEP = {
    CrashPoint.BEFORE_TRANSACTION,
    CrashPoint.AFTER_LEDGER_ROW,
    CrashPoint.AFTER_WRITES,
    CrashPoint.BEFORE_COMMIT,
    CrashPoint.AFTER_COMMIT,
    CrashPoint.AFTER_ANSWER,
}
