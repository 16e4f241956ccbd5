"""What can go wrong, by category: the category decides whether Temporal tries again."""

from enum import StrEnum
from typing import Any


class ErrorCategory(StrEnum):
    """Why a step failed. It becomes the Temporal failure type and the anomaly's ``failure_category``."""

    #: A fault that passes by itself: a dropped connection, a deadlock, HTTP 429.
    TRANSIENT = "TRANSIENT"
    #: Something took longer than it was given.
    TIMEOUT = "TIMEOUT"
    #: A system that the step needs is away: Postgres, an API.
    DEPENDENCY = "DEPENDENCY"
    #: The data is wrong; trying again gives the same data.
    DATA_QUALITY = "DATA_QUALITY"
    #: A gate's threshold was not met.
    QUALITY_GATE = "QUALITY_GATE"
    #: The definition, the params or a setting is wrong; a person must change it.
    CONFIGURATION = "CONFIGURATION"
    #: Another run holds the partition.
    PARTITION_BUSY = "PARTITION_BUSY"
    #: The run has lost its partition to another one, or to a person who released it.
    CLAIM_LOST = "CLAIM_LOST"
    #: The database does not know what the run has done: it was restored, or is another one.
    STATE_LOST = "STATE_LOST"
    #: A fault in code: an exception that nobody classified.
    INTERNAL = "INTERNAL"

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later, with nothing changed by a person."""
        return self in _RETRYABLE

    @property
    def is_lost(self) -> bool:
        """Whether the run itself may write nothing more, whatever its steps' policies say."""
        return self in _LOST


_RETRYABLE = frozenset({ErrorCategory.TRANSIENT, ErrorCategory.TIMEOUT, ErrorCategory.DEPENDENCY})
_LOST = frozenset({ErrorCategory.CLAIM_LOST, ErrorCategory.STATE_LOST})


class SpineError(Exception):
    """Raised when a step cannot do its work; pipelines raise it with the category that fits.

    ``code`` is a short, stable name of the fault (``WEEK_MISMATCH``) that opens the message; ``advice`` says what to
    do and ends it; ``retry_after`` asks for the next attempt in that many seconds, where the category is retryable.
    """

    def __init__(
        self,
        message: str,
        category: ErrorCategory = ErrorCategory.INTERNAL,
        *,
        code: str | None = None,
        advice: str | None = None,
        retry_after: float | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        message = f"{code}: {message}" if code else message
        super().__init__(f"{message}: {advice}" if advice else message)
        self.category = ErrorCategory(category)
        self.code = code
        self.advice = advice
        self.retry_after = retry_after
        self.metadata = metadata or {}
        #: Where in the user's code it arose, where the message does not say it itself; and the user's frames.
        self.place: str | None = None
        self.traceback: str | None = None

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} ({self.place})" if self.place else message


class SourceBusyError(SpineError):
    """Raised by a pipeline when its source wants to be left alone for a while, as HTTP 429 with Retry-After says.

    ``retry_after``: for how many seconds. Where the step has a ``Limit``, its key is closed for so long, for every
    attempt of every run that has it.
    """

    CODE = "SOURCE_BUSY"

    def __init__(
        self,
        message: str,
        retry_after: float,
        *,
        advice: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            message,
            ErrorCategory.TRANSIENT,
            code=self.CODE,
            advice=advice,
            retry_after=retry_after,
            metadata=metadata,
        )


class DefinitionError(ValueError):
    """Raised when a workflow, step or pipeline is defined wrongly; the message says what to change."""


class ParamsError(SpineError):
    """Raised when a run's params or options are not what its workflow takes; names the field."""

    def __init__(self, message: str, *, code: str | None = None, advice: str | None = None) -> None:
        super().__init__(message, ErrorCategory.CONFIGURATION, code=code, advice=advice)


class PartitionBusyError(SpineError):
    """Raised when another open run holds the partition; names that run."""

    def __init__(self, message: str, *, advice: str | None = None) -> None:
        super().__init__(message, ErrorCategory.PARTITION_BUSY, advice=advice)
