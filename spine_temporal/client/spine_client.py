"""``SpineClient``: start runs and follow them, from a program."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.client.results import result_of
from spine_temporal.definition.errors import DefinitionError, ParamsError, PartitionBusyError
from spine_temporal.definition.outcome import WorkflowResult
from spine_temporal.definition.params import fingerprint, partition_of, resolve_params, workflow_id
from spine_temporal.definition.workflow import Workflow

#: Memo key of the params' fingerprint, by which a start with other params is refused.
FINGERPRINT = "spine_params_sha256"


@dataclass(frozen=True, kw_only=True)
class RunHandle:
    """A run that was started, or joined."""

    workflow_id: str
    handle: WorkflowHandle[Any, Any]

    async def result(self) -> WorkflowResult:
        """Wait for the run's end and return what it came to; a failed run is a result too."""
        return await result_of(self.handle)

    async def progress(self) -> WorkflowResult | None:
        """Return how far the run has come, None before it has begun; asks the worker, so one must be there."""
        answer = await self.handle.query("progress")
        return None if answer is None else WorkflowResult.model_validate(answer)

    async def cancel(self) -> None:
        """Ask the run to stop: its pipeline is rolled back, the partition freed."""
        await self.handle.cancel()


class SpineClient:
    """Starts Spine workflows on a Temporal client that was connected with ``SpinePlugin``."""

    def __init__(self, client: Client, *, task_queue: str = "spine") -> None:
        self.client = client
        self.task_queue = task_queue

    async def start(
        self,
        workflow: Workflow,
        params: Mapping[str, Any] | None = None,
        *,
        force: bool = False,
        dry_run: bool = False,
    ) -> RunHandle:
        """Start a run, or join the one of the same partition that is running.

        Raises ``ParamsError`` for params that the workflow does not take and where a running run has others,
        ``PartitionBusyError`` where ``force`` meets a run that is still running.
        """
        if not isinstance(workflow, Workflow):
            raise DefinitionError(f"start() takes a Workflow, not {workflow!r}")
        resolved = resolve_params(workflow, params)
        identity = workflow_id(workflow, partition_of(workflow, resolved))
        if dry_run:
            identity = f"{identity}/dry-run-{uuid4().hex[:8]}"
        options = {name: True for name, given in (("force", force), ("dry_run", dry_run)) if given}
        try:
            handle = await self.client.start_workflow(
                workflow.name,
                args=[dict(params or {}), options] if options else [dict(params or {})],
                id=identity,
                task_queue=self.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL if force else WorkflowIDConflictPolicy.USE_EXISTING,
                memo={FINGERPRINT: fingerprint(resolved)},
                static_summary=workflow.description[:200] or None,
            )
        except WorkflowAlreadyStartedError as error:
            raise PartitionBusyError(
                f"{identity} is running (run {error.run_id}): wait for it or cancel it before you force another"
            ) from None
        await self._check_same_params(handle, identity, fingerprint(resolved))
        return RunHandle(workflow_id=identity, handle=handle)

    async def execute(
        self,
        workflow: Workflow,
        params: Mapping[str, Any] | None = None,
        *,
        force: bool = False,
        dry_run: bool = False,
    ) -> WorkflowResult:
        """Start a run, or join it, and wait for its result."""
        return await (await self.start(workflow, params, force=force, dry_run=dry_run)).result()

    async def handle_of(self, identity: str) -> RunHandle:
        """Return the newest run of a workflow id; raise ``ParamsError`` where Temporal knows none."""
        handle = self.client.get_workflow_handle(identity)
        try:
            await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise ParamsError(
                    f"Temporal knows no workflow id {identity!r} in namespace {self.client.namespace!r}"
                ) from None
            raise
        return RunHandle(workflow_id=identity, handle=handle)

    async def _check_same_params(self, handle: WorkflowHandle[Any, Any], identity: str, mine: str) -> None:
        theirs = await (await handle.describe()).memo_value(FINGERPRINT, default=mine)
        if theirs != mine:
            raise ParamsError(
                f"{identity} is already running with other params (run {handle.result_run_id or handle.run_id}): "
                "wait for it or cancel it, then start again",
                code="PARAMS_MISMATCH",
            )
