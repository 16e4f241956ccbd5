"""Spine's names for workflows: each is spine-temporal's own. A real Spine's package goes before this module.

The sandbox loads it for workflows, so it imports pure modules only; ``WorkflowRunner`` is loaded when it is asked for.
"""

from typing import TYPE_CHECKING, Any

from spine_temporal import (
    ErrorCategory,
    ErrorPolicy,
    QualityMetrics,
    RetryPolicy,
    Step,
    StepExecution,
    StepResult,
    StepStatus,
    Workflow,
    WorkflowContext,
    WorkflowResult,
    WorkflowStatus,
)

if TYPE_CHECKING:
    from spine_temporal import WorkflowRunner

__all__ = [
    "ErrorCategory",
    "ErrorPolicy",
    "QualityMetrics",
    "RetryPolicy",
    "Step",
    "StepExecution",
    "StepResult",
    "StepStatus",
    "Workflow",
    "WorkflowContext",
    "WorkflowResult",
    "WorkflowRunner",
    "WorkflowStatus",
]

#: Where its submodules are: a folder that no other distribution has.
__path__ = [f"{__file__.rpartition('orchestration.')[0]}_temporal/orchestration"]


def __getattr__(name: str) -> Any:
    if name != "WorkflowRunner":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from spine_temporal import WorkflowRunner  # noqa: PLC0415 - loads Temporal and Postgres

    return WorkflowRunner
