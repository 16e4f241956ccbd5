"""How a partition that a workflow should have stands: the words of ``spine-temporal coverage``."""

from enum import StrEnum


class CoverageStatus(StrEnum):
    """How a partition stands."""

    COMPLETE = "COMPLETE"
    #: Complete, and what it was made from has changed since: an input's fingerprint, or a run that its run relied on.
    STALE = "STALE"
    #: Complete, with failures of steps whose ``on_error`` is CONTINUE.
    PARTIAL = "PARTIAL"
    #: Its newest run has failed, or was cancelled.
    FAILED = "FAILED"
    #: Its run waits for a person.
    HELD = "HELD"
    RUNNING = "RUNNING"
    #: No run of it has ended, and its deadline has passed.
    LATE = "LATE"
    #: No run of it has ended.
    MISSING = "MISSING"
    #: No run of it has ended, and its day has not come.
    NOT_DUE = "NOT_DUE"
    #: The workflow does not take its params.
    REFUSED = "REFUSED"
