"""What happens when a step fails, and how often Temporal tries again."""

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from spine_temporal.definition.errors import DefinitionError


class ErrorPolicy(StrEnum):
    """What a step's failure means for the run."""

    #: The run fails; later steps do not run.
    STOP = "STOP"
    #: The run goes on and ends as PARTIAL.
    CONTINUE = "CONTINUE"
    #: Every category but a wrong definition is tried again under the step's ``RetryPolicy``; then the run fails.
    RETRY = "RETRY"
    #: For gates: the run stops at the gate until a person decides.
    HOLD = "HOLD"


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often and how fast a pipeline step is tried again; times in seconds.

    Attempts count the pipeline's own failures: one that waited for Postgres does not use them up, and one that was
    lost with its worker is counted by itself.
    """

    max_attempts: int = 3
    initial_interval: float = 1.0
    backoff: float = 2.0
    max_interval: float = 60.0

    def __post_init__(self) -> None:
        for name, value, least in (
            ("max_attempts", self.max_attempts, 1),
            ("initial_interval", self.initial_interval, 0.001),
            ("backoff", self.backoff, 1),
            ("max_interval", self.max_interval, self.initial_interval),
        ):
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf:
                raise DefinitionError(f"RetryPolicy: {name} must be a number of at least {least}, not {value!r}")
        if not isinstance(self.max_attempts, int):
            raise DefinitionError(f"RetryPolicy: max_attempts must be a whole number, not {self.max_attempts!r}")


def seconds_of(name: str, value: timedelta | float | int | None) -> float | None:
    """Return a duration in seconds; raise ``DefinitionError`` naming it where it is not a positive one."""
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 10 * 366 * 86400:
        raise DefinitionError(f"{name} must be a positive number of seconds or a timedelta, not {value!r}")
    return float(seconds)
