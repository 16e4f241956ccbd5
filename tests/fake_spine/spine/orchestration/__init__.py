"""Workflows as a real Spine has them: one class of steps, with the fields of every kind."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class StepType(str, Enum):
    LAMBDA = "lambda"
    PIPELINE = "pipeline"
    CHOICE = "choice"
    WAIT = "wait"
    MAP = "map"


class ErrorPolicy(str, Enum):
    STOP = "stop"
    CONTINUE = "continue"
    RETRY = "retry"


class ErrorCategory(str, Enum):
    DATA_QUALITY = "DATA_QUALITY"
    DEPENDENCY = "DEPENDENCY"


@dataclass(frozen=True)
class RetryPolicy:
    max_attempts: int = 3
    initial_delay_seconds: float = 1.0
    backoff_multiplier: float = 2.0
    max_delay_seconds: float = 60.0


@dataclass
class QualityMetrics:
    record_count: int = 0
    valid_count: int = 0
    invalid_count: int = 0
    null_count: int = 0
    passed: bool = True
    custom_metrics: dict = field(default_factory=dict)
    failure_reasons: list = field(default_factory=list)


@dataclass
class StepResult:
    success: bool
    output: dict = field(default_factory=dict)
    context_updates: dict = field(default_factory=dict)
    error: str | None = None
    error_category: Any = None
    quality: QualityMetrics | None = None
    next_step: str | None = None

    @classmethod
    def ok(cls, output=None, context_updates=None, quality=None):
        return cls(True, output or {}, context_updates or {}, quality=quality)

    @classmethod
    def fail(cls, error, category="INTERNAL", output=None):
        return cls(False, output or {}, error=error, error_category=category)


@dataclass
class Step:
    name: str
    step_type: StepType
    config: dict = field(default_factory=dict)
    on_error: ErrorPolicy = ErrorPolicy.STOP
    retry_policy: RetryPolicy | None = None
    handler: Any = None
    pipeline_name: str | None = None
    condition: Any = None
    then_step: str | None = None
    else_step: str | None = None
    duration_seconds: int | None = None
    items_path: str | None = None
    iterator_workflow: Any = None
    max_concurrency: int = 4

    @classmethod
    def lambda_(cls, name, handler, config=None, on_error=ErrorPolicy.STOP):
        return cls(name, StepType.LAMBDA, config or {}, on_error, handler=handler)

    @classmethod
    def pipeline(cls, name, pipeline_name, params=None, on_error=ErrorPolicy.STOP):
        return cls(name, StepType.PIPELINE, params or {}, on_error, pipeline_name=pipeline_name)

    @classmethod
    def choice(cls, name, condition, then_step, else_step=None):
        return cls(name, StepType.CHOICE, condition=condition, then_step=then_step, else_step=else_step)

    @classmethod
    def wait(cls, name, duration_seconds, next_step=None):
        return cls(name, StepType.WAIT, duration_seconds=duration_seconds, then_step=next_step)

    @classmethod
    def map(cls, name, items_path, iterator_workflow, max_concurrency=4, item_param="item"):
        config = {"item_param": item_param}
        inner, most = iterator_workflow, max_concurrency
        return cls(name, StepType.MAP, config, items_path=items_path, iterator_workflow=inner, max_concurrency=most)


@dataclass
class Workflow:
    name: str
    steps: list
    domain: str = ""
    description: str = ""
    version: int = 1
    defaults: dict = field(default_factory=dict)
    tags: list = field(default_factory=list)
