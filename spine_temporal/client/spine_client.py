"""``SpineClient``: start runs and follow them, from a program."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.client.backfill_handle import BackfillHandle
from spine_temporal.client.backfills import Backfills
from spine_temporal.client.descriptions import described
from spine_temporal.client.ours import require_ours
from spine_temporal.client.run_handle import RunHandle
from spine_temporal.client.run_list import RunSummary, listed_runs
from spine_temporal.client.run_start import RunStart
from spine_temporal.client.run_status import RunFilter
from spine_temporal.definition.backfill import Reprocess
from spine_temporal.definition.busy import OnBusy
from spine_temporal.definition.deadline import Deadline
from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.foreign import as_workflow
from spine_temporal.definition.over import Over
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.definition.schedule import Schedule
from spine_temporal.definition.workflow import Workflow
from spine_temporal.operating.schedules.book import ScheduleBook
from spine_temporal.recording.database import Database
from spine_temporal.runtime.namespace import NamespaceAttributes
from spine_temporal.runtime.resume_run import checked_options, resume_run


class SpineClient:
    """Starts Spine workflows on a Temporal client that was connected with ``SpinePlugin``."""

    def __init__(self, client: Client, *, task_queue: str = "spine") -> None:
        self.client = client
        self.task_queue = task_queue
        self._namespace_attributes = NamespaceAttributes(client)

    async def start(
        self,
        workflow: Workflow,
        params: Mapping[str, Any] | None = None,
        *,
        force: bool = False,
        dry_run: bool = False,
        start_from: str | None = None,
        on_gate_failure: str = "stop",
        on_busy: OnBusy | str | None = None,
        task_queue: str | None = None,
    ) -> RunHandle:
        """Start a run, or join the one of the same partition that is running.

        ``start_from`` keeps the outputs that the partition's last run has of the steps before that one;
        ``on_gate_failure="hold"`` lets a gate that fails wait for a person; ``on_busy`` says what the run does where
        another one holds its partition, else the workflow does. The run asks for workers on ``task_queue``, else on the
        workflow's, else on this client's.
        Raises ``ParamsError`` for params that the workflow does not take and where a running run has others,
        ``PartitionBusyError`` where ``force`` or ``start_from`` meets a run that is still running and ``on_busy`` is
        ``fail``; under another policy the run has a workflow id of its own, and waits.
        """
        asked = RunStart.of(
            as_workflow(workflow, "start()"),
            params,
            force=force,
            dry_run=dry_run,
            start_from=start_from,
            on_gate_failure=on_gate_failure,
            on_busy=on_busy,
        )
        queue = task_queue or asked.workflow.task_queue or self.task_queue
        attributes = asked.search_attributes if await self._namespace_attributes.known() else None
        handle = await asked.begin(self.client, queue, attributes)
        return RunHandle(workflow_id=handle.id, handle=handle, client=self.client)

    async def execute(
        self,
        workflow: Workflow,
        params: Mapping[str, Any] | None = None,
        *,
        force: bool = False,
        dry_run: bool = False,
        start_from: str | None = None,
        on_gate_failure: str = "stop",
        on_busy: OnBusy | str | None = None,
    ) -> WorkflowResult:
        """Start a run, or join it, and wait for its result."""
        handle = await self.start(
            workflow,
            params,
            force=force,
            dry_run=dry_run,
            start_from=start_from,
            on_gate_failure=on_gate_failure,
            on_busy=on_busy,
        )
        return await handle.result()

    async def resume(
        self,
        identity: str,
        workflows: Iterable[Workflow],
        database: Database,
        *,
        start_from: str | None = None,
        changes: Mapping[str, Any] | None = None,
        skip: Mapping[str, str] | None = None,
        by: str = "",
    ) -> RunHandle:
        """Go on from the newest run of a workflow id, which has failed, was cancelled or otherwise ended.

        Completed steps keep their outputs; ``start_from`` runs again from that step. ``changes`` sets params, and
        config as ``gate.key``; ``skip`` leaves steps out, each with its reason. Raises ``ParamsError`` for what does
        not fit, before anything is touched, and ``PartitionBusyError`` where the run has not ended.
        """
        row, options = await asyncio.to_thread(
            checked_options,
            database,
            identity,
            {workflow.name: workflow for workflow in workflows},
            start_from=start_from,
            changes=changes or {},
            skip=skip or {},
            by=by,
        )
        handle = await resume_run(self.client, database, self.task_queue, row, options)
        return RunHandle(workflow_id=identity, handle=handle, client=self.client)

    async def backfill(
        self,
        workflow: Workflow,
        over: Over | Mapping[str, str | Sequence[Any]],
        database: Database,
        *,
        params: Mapping[str, Any] | None = None,
        reprocess: Reprocess | str = Reprocess.FAILED,
        newest_first: bool = False,
        max_parallel: int = 4,
        by: str = "",
    ) -> BackfillHandle:
        """Start a run for each partition that ``over`` names, at most ``max_parallel`` at a time.

        ``over`` gives for each param its values: a sequence, or text such as ``2025-01-03..2025-12-26:7d``; ``params``
        are those that all runs have in common. Complete partitions are skipped and failed ones resumed, unless
        ``reprocess`` says otherwise. Raises ``ParamsError`` for what cannot be, before anything is written.
        """
        backfills = Backfills(self.client, database, task_queue=self.task_queue)
        workflow = as_workflow(workflow, "backfill()")
        plan = await backfills.plan(workflow, over, params=params, reprocess=reprocess, newest_first=newest_first)
        return await backfills.start(plan, max_parallel=max_parallel, by=by)

    async def handle_of(self, identity: str) -> RunHandle:
        """Return the newest run of a workflow id; raise ``ParamsError`` where Temporal knows none of ours."""
        handle = self.client.get_workflow_handle(identity)
        try:
            await require_ours(self.client, await described(self.client, handle), self.task_queue)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise ParamsError(
                    f"Temporal knows no workflow id {identity!r} in namespace {self.client.namespace!r}",
                    advice="`spine-temporal list` has those of runs",
                ) from None
            raise
        return RunHandle(workflow_id=identity, handle=handle, client=self.client)

    async def list_runs(
        self,
        database: Database,
        *,
        workflow: str | Collection[str] | None = None,
        filters: Iterable[RunFilter] = (),
        categories: Collection[str] = (),
        partition: Mapping[str, str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        children: bool = False,
        limit: int = 50,
    ) -> list[RunSummary]:
        """Return runs, newest first, as Postgres and Temporal know them together.

        ``workflow`` is a name, or several. ``filters`` are statuses, or ``RunFilter.OPEN``; ``categories`` those of
        failures; ``partition`` holds values as text, some of a partition's keys will do; runs that have started from
        ``since`` on and before ``until``. Runs that other runs have started are left out unless ``children``
        are asked for.
        """
        return await listed_runs(
            database,
            self.client,
            workflow=workflow,
            filters=list(filters),
            categories=categories,
            partition=partition,
            since=since,
            until=until,
            children=children,
            limit=limit,
        )

    async def cancel(self, identity: str, *, reason: str = "") -> RunHandle:
        """Ask the newest run of a workflow id to stop, and return it: its ``result`` waits until it has.

        Raises ``ParamsError`` where Temporal knows none, or it has ended.
        """
        handle = await self.handle_of(identity)
        await handle.cancel(reason=reason)
        return handle

    async def terminate(self, identity: str, *, reason: str, database: Database | None = None) -> bool:
        """Stop the newest run of a workflow id where it is, as ``RunHandle.terminate`` does.

        Raises ``ParamsError`` where Temporal knows none, or it has ended.
        """
        return await (await self.handle_of(identity)).terminate(reason=reason, database=database)

    def schedules(self, schedules: Iterable[Schedule], deadlines: Iterable[Deadline] = ()) -> ScheduleBook:
        """Return these schedules, to be applied, paused and fired; one that is not given counts as not declared.

        Where the service has deadlines, an apply sees to their being judged.
        """
        named, has_deadlines = {one.name: one for one in schedules}, any(True for _ in deadlines)
        return ScheduleBook(self.client, named, task_queue=self.task_queue, has_deadlines=has_deadlines)
