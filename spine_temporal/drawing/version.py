"""A version of a workflow, as far as two can be compared: its plan, and what is known of its code."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from spine_temporal.machine.plan import Plan


class Version(BaseModel):
    """A workflow as it is or was defined. Of a run, only its plan is recorded: the rest is None."""

    model_config = ConfigDict(frozen=True)

    #: How a person has named it.
    label: str
    plan: Plan
    #: What the workflow says beside its steps: defaults, the params that it takes, how runs are partitioned.
    settings: Mapping[str, Any] | None = None
    #: By step and what it is asked for: a digest of the function's own code, without its comments.
    code: Mapping[str, str] | None = None
    #: Names that the modules register: pipelines, and workflows.
    pipelines: tuple[str, ...] | None = None
    workflows: tuple[str, ...] | None = None
