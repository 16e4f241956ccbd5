"""A pipeline and its answer, as a real Spine has them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


class PipelineStatus(str, Enum):
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass
class PipelineResult:
    status: PipelineStatus
    started_at: datetime
    completed_at: datetime | None = None
    error: str | None = None
    metrics: dict = field(default_factory=dict)


class Pipeline:
    spec = None

    def __init__(self, params=None):
        self.params = params or {}

    def validate_params(self):
        """Let subclasses refuse."""
