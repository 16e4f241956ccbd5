"""What the workflow of deadlines is asked, and what it answers. Fields are only ever added."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict

#: Workflow type, and the type of its activity. Histories remember them.
LATENESS = "spine.lateness"
JUDGE = "spine.judge"


class LatenessRequest(BaseModel):
    """The argument of ``spine.lateness``."""

    model_config = ConfigDict(frozen=True)

    #: Up to when due times are judged; None: when the workflow begins.
    until: datetime | None = None


class JudgeRequest(BaseModel):
    """Up to when due times are judged."""

    model_config = ConfigDict(frozen=True)

    until: datetime


class LatenessResult(BaseModel):
    """How many partitions have come to stand how."""

    model_config = ConfigDict(frozen=True)

    #: By state: ``on time``, ``late``, ``recovered``.
    judged: Mapping[str, int]
