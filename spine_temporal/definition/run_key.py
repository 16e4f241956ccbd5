"""Which run this is: the one identity that goes through every message and every call to recording."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class RunKey(BaseModel):
    """A run, the partition that it works on, and the epoch under which it may write there."""

    model_config = ConfigDict(frozen=True)

    #: Temporal's run id of the execution that began the run.
    run_id: str
    workflow: str
    workflow_id: str
    #: The workflow's domain, under which anomalies are kept.
    domain: str
    partition: Mapping[str, Any] = Field(default_factory=dict)
    #: The partition's epoch when the run took it. A partition's epoch only grows, and only its holder has the newest.
    epoch: int = 0
    #: The first run of those that go on from each other; empty: this run.
    lineage: str = ""
    #: Temporal's run id of the execution that works now: another one after a reset; empty: ``run_id``.
    execution: str = ""

    @property
    def recording_domain(self) -> str:
        """The domain of the claim and of the manifest rows."""
        return recording_domain(self.workflow)

    @property
    def lineage_id(self) -> str:
        """The id of the run's lineage."""
        return self.lineage or self.run_id

    @property
    def execution_run_id(self) -> str:
        """Temporal's run id of the execution that works now."""
        return self.execution or self.run_id

    @property
    def was_reset(self) -> bool:
        """Whether another execution than the one that began it works on the run."""
        return self.execution_run_id != self.run_id

    def with_epoch(self, epoch: int | None) -> "RunKey":
        """Return the key with a newer epoch; None: the same key."""
        return self if epoch is None else self.model_copy(update={"epoch": epoch})


def recording_domain(workflow: str) -> str:
    """Return the domain of a workflow's claims and manifest rows."""
    return f"workflow.{workflow}"
