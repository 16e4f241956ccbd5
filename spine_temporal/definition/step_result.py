"""What a gate answers: ok or fail, with an output, measures, and where to go next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spine_temporal.definition.errors import ErrorCategory


@dataclass(frozen=True, kw_only=True)
class QualityCheck:
    """One measure that was held against its threshold. Make it with ``at_most`` or ``at_least``."""

    name: str
    value: float
    threshold: float
    passed: bool

    @classmethod
    def at_most(cls, name: str, value: float, threshold: float) -> "QualityCheck":
        """Pass up to the threshold, and at it."""
        return cls(name=name, value=value, threshold=threshold, passed=value <= threshold)

    @classmethod
    def at_least(cls, name: str, value: float, threshold: float) -> "QualityCheck":
        """Pass from the threshold on."""
        return cls(name=name, value=value, threshold=threshold, passed=value >= threshold)


@dataclass(frozen=True, kw_only=True)
class QualityMetrics:
    """How good a step's data was: upstream's four counts, any named measures beside them, and checks.

    Rates are shares in [0, 1]. What is a number of it is a row of ``core_quality``.
    """

    record_count: int = 0
    valid_count: int = 0
    invalid_count: int = 0
    null_count: int = 0
    passed: bool = True
    custom_metrics: Mapping[str, Any] = field(default_factory=dict)
    checks: Sequence[QualityCheck] = ()

    @classmethod
    def of(cls, *checks: QualityCheck) -> "QualityMetrics":
        """Return what these checks come to: passed where each has."""
        return cls(passed=all(check.passed for check in checks), checks=checks)

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
