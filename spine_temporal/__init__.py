"""Run Spine workflows, unchanged, as durable Temporal workflows.

The sandbox loads this door for every workflow instance, so it imports pure modules only; what talks to Temporal or
Postgres is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spine_temporal.definition.calendar import Calendar, MonthDays, Weekdays
from spine_temporal.definition.calendar_rule import CalendarRule
from spine_temporal.definition.context import WorkflowContext
from spine_temporal.definition.deadline import Deadline
from spine_temporal.definition.errors import (
    DefinitionError,
    ErrorCategory,
    ParamsError,
    PartitionBusyError,
    SourceBusyError,
    SpineError,
)
from spine_temporal.definition.limit import Limit
from spine_temporal.definition.pipeline import Pipeline, PipelineResult, PipelineStatus, register_pipeline
from spine_temporal.definition.policies import ErrorPolicy, RetryPolicy
from spine_temporal.definition.run_result import StepExecution, StepStatus, WorkflowResult, WorkflowStatus
from spine_temporal.definition.schedule import Overlap, Schedule
from spine_temporal.definition.severity import Severity
from spine_temporal.definition.step import Step
from spine_temporal.definition.step_result import QualityCheck, QualityMetrics, StepResult
from spine_temporal.definition.workflow import Workflow

if TYPE_CHECKING:
    from spine_temporal.client.runner import WorkflowRunner
    from spine_temporal.client.spine_client import SpineClient
    from spine_temporal.recording.anomalies import AnomalyRecorder
    from spine_temporal.recording.manifest import WorkManifest
    from spine_temporal.recording.rejects import Reject, RejectSink
    from spine_temporal.runtime.plugin import SpinePlugin
    from spine_temporal.translation.translate import translate

__all__ = [
    # a workflow and its steps
    "Workflow",
    "Step",
    "StepResult",
    "WorkflowContext",
    "QualityCheck",
    "QualityMetrics",
    # what happens on failure
    "ErrorPolicy",
    "RetryPolicy",
    "Limit",
    "ErrorCategory",
    # pipelines
    "Pipeline",
    "PipelineResult",
    "PipelineStatus",
    "Severity",
    "register_pipeline",
    # running
    "WorkflowRunner",
    "WorkflowResult",
    "WorkflowStatus",
    "StepExecution",
    "StepStatus",
    "SpineClient",
    "SpinePlugin",
    "translate",
    # what runs by itself, and by when
    "Schedule",
    "Overlap",
    "Deadline",
    "Calendar",
    "CalendarRule",
    "Weekdays",
    "MonthDays",
    # recording
    "WorkManifest",
    "AnomalyRecorder",
    "RejectSink",
    "Reject",
    # errors
    "SpineError",
    "DefinitionError",
    "ParamsError",
    "PartitionBusyError",
    "SourceBusyError",
]

_LAZY = {
    "WorkflowRunner": "spine_temporal.client.runner",
    "SpineClient": "spine_temporal.client.spine_client",
    "SpinePlugin": "spine_temporal.runtime.plugin",
    "translate": "spine_temporal.translation.translate",
    "WorkManifest": "spine_temporal.recording.manifest",
    "AnomalyRecorder": "spine_temporal.recording.anomalies",
    "RejectSink": "spine_temporal.recording.rejects",
    "Reject": "spine_temporal.recording.rejects",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
