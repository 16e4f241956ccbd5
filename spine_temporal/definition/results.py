"""What a gate answers: ok or fail, with an output, measures, and where to go next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spine_temporal.definition.errors import ErrorCategory


@dataclass(frozen=True, kw_only=True)
class QualityMetrics:
    """How good a step's data was; upstream's four counts, and any named measures beside them.

    Rates are shares in [0, 1].
    """

    record_count: int = 0
    valid_count: int = 0
    invalid_count: int = 0
    null_count: int = 0
    passed: bool = True
    custom_metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def valid_rate(self) -> float:
        """Share of records that are valid; 0 where there are none."""
        return self.valid_count / self.record_count if self.record_count else 0.0

    @property
    def null_rate(self) -> float:
        """Share of records with a null; 0 where there are none."""
        return self.null_count / self.record_count if self.record_count else 0.0


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """A gate's verdict. Make it with ``ok`` or ``fail``."""

    success: bool
    output: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    #: An ``ErrorCategory`` or a category of the workflow's own; the latter is never retried.
    category: str | None = None
    #: Step to go on with, forward only; the steps between are recorded as skipped.
    next_step: str | None = None
    quality: QualityMetrics | None = None

    @classmethod
    def ok(
        cls,
        output: Mapping[str, Any] | None = None,
        *,
        next_step: str | None = None,
        quality: QualityMetrics | None = None,
    ) -> "StepResult":
        """Pass, with an output that later steps read by ``ctx.get_output(step)``."""
        return cls(success=True, output=output or {}, next_step=next_step, quality=quality)

    @classmethod
    def fail(
        cls,
        error: str,
        category: ErrorCategory | str = ErrorCategory.QUALITY_GATE,
        *,
        output: Mapping[str, Any] | None = None,
        quality: QualityMetrics | None = None,
    ) -> "StepResult":
        """Fail the step with a message for the operator and a category for the machine."""
        return cls(success=False, error=error, category=str(category), output=output or {}, quality=quality)
