"""Runs on real servers, with a worker in the test's process: what they write is there to be looked at."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from sqlalchemy import text
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from spine_temporal.client.spine_client import SpineClient
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.planning import plan_of
from spine_temporal.recording.database import Database
from spine_temporal.runtime import resume_starter, run_starter
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.worker import running_worker
from spine_temporal.testing.loops import in_a_thread
from spine_temporal.testing.skipped_time import without_waits
from spine_temporal.testing.stubs import Stubs, stub_classes


@dataclass(frozen=True, kw_only=True)
class DurableRun:
    """A run that has ended, and the database that has its rows."""

    result: WorkflowResult
    database: Database
    workflow_id: str
    #: Where its Temporal is.
    address: str

    def write_history(self, path: Path) -> None:
        """Write the run's history to a file, as ``replay_all`` and ``spine-temporal replay`` read it."""

        async def history() -> str:
            client = await Client.connect(self.address)
            found = await client.get_workflow_handle(self.workflow_id).fetch_history()
            return found.to_json()

        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(in_a_thread(history()))

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        with self.database.begin() as connection:
            return [dict(row) for row in connection.execute(text(query), values).mappings()]

    @property
    def manifest(self) -> list[dict[str, Any]]:
        """The stages of the run's partition, in order: stage, row_count, metrics."""
        return self.rows(
            "SELECT stage, row_count, metrics FROM core_manifest WHERE domain = :domain "
            "AND partition_key = CAST(:partition AS jsonb) ORDER BY stage_rank, updated_at",
            partition=json.dumps(self.result.partition),
            domain=f"workflow.{self.result.workflow_name}",
        )

    @property
    def anomalies(self) -> list[dict[str, Any]]:
        """The anomalies of this database, oldest first: stage, severity, category, message, metadata, resolved_at."""
        return self.rows(
            "SELECT stage, severity, category, message, metadata, resolved_at FROM core_anomalies ORDER BY detected_at"
        )

    @property
    def quality(self) -> list[dict[str, Any]]:
        """What the run has measured: step, check_name, value, threshold, passed."""
        return self.rows(
            "SELECT step, check_name, value, threshold, passed FROM core_quality "
            "WHERE run_id = :run ORDER BY measured_at",
            run=self.result.run_id,
        )

    @property
    def ledger(self) -> list[dict[str, Any]]:
        """The executions of the run's pipelines: step, pipeline, status, attempt, row_count, output, error."""
        return self.rows(
            "SELECT step, pipeline, status, attempt, row_count, output, error FROM core_executions "
            "WHERE run_id = :run ORDER BY started_at",
            run=self.result.run_id,
        )


def run_durably(
    address: str,
    database: Database,
    workflow: Workflow,
    params: Mapping[str, Any] | None = None,
    pipelines: Stubs | None = None,
    *,
    skip_time: bool = True,
    **options: Any,
) -> DurableRun:
    """Run a workflow on Temporal and Postgres, and return it when it has ended; a failed run is a run too.

    ``pipelines`` stand for those that are registered. ``skip_time``: waits, deadlines and the pauses between attempts
    and looks take no time. ``options`` are those of ``SpineClient.start``.
    """

    async def work() -> DurableRun:
        client = await Client.connect(address, data_converter=pydantic_data_converter)
        queue = f"test-{uuid4().hex[:8]}"
        definitions = definitions_of([workflow], stub_classes(pipelines))
        async with running_worker(client, database, definitions, task_queue=queue, max_activities=10, in_process=True):
            handle = await SpineClient(client, task_queue=queue).start(workflow, params, **options)
            result = await handle.result()
        return DurableRun(result=result, database=database, workflow_id=handle.workflow_id, address=address)

    quick = (lambda planned: without_waits(plan_of(planned))) if skip_time else plan_of
    with patch.object(run_starter, "plan_of", quick), patch.object(resume_starter, "plan_of", quick):
        return in_a_thread(work())
