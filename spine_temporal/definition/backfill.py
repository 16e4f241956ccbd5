"""The words of a backfill: which partitions it does again, how it stands, how each of its partitions stands and why."""

from enum import StrEnum


class Reprocess(StrEnum):
    """Which partitions a backfill runs, beside those that have never run."""

    #: None: only what is missing.
    MISSING = "missing"
    #: Those whose newest run has failed, was cancelled or is partial: that run is resumed.
    FAILED = "failed"
    #: All, from the beginning, the complete ones too.
    ALL = "all"


class BackfillStatus(StrEnum):
    """How a backfill stands."""

    RUNNING = "RUNNING"
    #: Nothing new is started until somebody resumes it; what runs goes on.
    PAUSED = "PAUSED"
    #: Somebody has cancelled it, and some of its runs have not ended.
    CANCELLING = "CANCELLING"
    #: Each partition is complete, or was skipped with a reason.
    COMPLETED = "COMPLETED"
    #: All has ended, and some partitions have failed.
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs or will run."""
        return self in {BackfillStatus.COMPLETED, BackfillStatus.FAILED, BackfillStatus.CANCELLED}


class BackfillPartitionStatus(StrEnum):
    """How a partition of a backfill stands: as its run ended, or why it has none that has."""

    COMPLETED = "COMPLETED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    #: It was not run, for the reason that its row has.
    SKIPPED = "SKIPPED"
    #: It has one of the backfill's places: its run was started, or is about to be.
    RUNNING = "RUNNING"
    #: Its run waits for a person at a gate. It has no place meanwhile, and the backfill may end before it.
    HELD = "HELD"
    WAITING = "WAITING"


class SkipReason(StrEnum):
    """Why a backfill did not run a partition."""

    #: A run has completed it, before the backfill or beside it.
    COMPLETE = "COMPLETE"
    #: Its newest run has failed, and only what is missing was asked for.
    FAILED_BEFORE = "FAILED_BEFORE"
    #: A run that holds it waits for a person.
    HELD = "HELD"
    #: Another run holds it.
    BUSY = "BUSY"
    #: Its day has not come.
    FUTURE = "FUTURE"
    #: The workflow does not take its params.
    REFUSED = "REFUSED"
    #: Its params name the same partition as those of an earlier one.
    SAME = "SAME"
    #: Somebody cancelled the backfill before its turn.
    CANCELLED = "CANCELLED"


#: Reasons that may have passed when somebody resumes a backfill that has ended.
PASSING = frozenset({SkipReason.HELD, SkipReason.BUSY, SkipReason.FUTURE, SkipReason.CANCELLED})
