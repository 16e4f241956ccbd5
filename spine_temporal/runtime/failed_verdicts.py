"""What a worker logs of a verdict that failed."""

import logging

from temporalio import activity

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.translation.gate_messages import Verdict

_log = logging.getLogger(__name__)


def log_verdict(verdict: Verdict) -> None:
    """Log a verdict that failed."""
    info = activity.info()
    frames = f"\n{verdict.traceback}" if verdict.traceback else ""
    level = logging.ERROR if verdict.category == ErrorCategory.INTERNAL else logging.WARNING
    named = (info.workflow_type, info.workflow_run_id, verdict.step)
    _log.log(level, "workflow %s, run %s, step %s: %s %s%s", *named, verdict.category, verdict.error, frames)
