"""A run as a program asks for it: it is started, or joins the one of its partition that is running."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle
from temporalio.common import TypedSearchAttributes, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.client.descriptions import described
from spine_temporal.definition.busy import OnBusy
from spine_temporal.definition.errors import ParamsError, PartitionBusyError
from spine_temporal.definition.params import FINGERPRINT, fingerprint, partition_of, resolve_params, workflow_id
from spine_temporal.definition.workflow import Workflow
from spine_temporal.translation.search_attributes import of_run

#: Characters of a workflow id that another part is added to.
_LONGEST_ID = 230


@dataclass(frozen=True, kw_only=True)
class RunStart:
    """What a run is started with, and what becomes of it where its partition has one that is running."""

    workflow: Workflow
    partition: Mapping[str, Any]
    workflow_id: str
    #: What Temporal gives the workflow: params, and the run options that are set.
    arguments: Sequence[Mapping[str, Any]]
    #: That of the params: a run with another one is not joined.
    fingerprint: str
    #: Whether it may join the run that is running.
    joins: bool
    #: Whether it waits, under a workflow id of its own, where it may not.
    waits: bool

    @classmethod
    def of(cls, workflow: Workflow, params: Mapping[str, Any] | None, **options: Any) -> "RunStart":
        """Return the start of a run; ``options`` are those of ``SpineClient.start``.

        Raises ``ParamsError`` for params and options that do not fit.
        """
        resolved = resolve_params(workflow, params)
        partition = partition_of(workflow, resolved)
        given = _options(workflow, **options)
        policy = OnBusy(given.get("on_busy") or workflow.on_busy)
        return cls(
            workflow=workflow,
            partition=partition,
            workflow_id=_identity(workflow, partition, dry_run="dry_run" in given),
            arguments=[dict(params or {}), given] if given else [dict(params or {})],
            fingerprint=fingerprint(resolved),
            joins=not ("force" in given or "start_from" in given or policy.gives_way),
            waits=policy.waits,
        )

    @property
    def search_attributes(self) -> TypedSearchAttributes:
        """The run's search attributes, which the run itself would else have to set."""
        return of_run(self.workflow.domain, self.partition, self.workflow.version)

    async def begin(
        self, client: Client, task_queue: str, search_attributes: TypedSearchAttributes | None
    ) -> WorkflowHandle[Any, Any]:
        """Start the run, or join the one that is running where it may and the params are the same.

        Raises ``ParamsError`` where these are others, and ``PartitionBusyError`` where it may neither join nor wait.
        """
        start = partial(
            _started,
            client,
            self.workflow.name,
            args=self.arguments,
            id=self.workflow_id,
            task_queue=task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            memo={FINGERPRINT: self.fingerprint},
            search_attributes=search_attributes,
            static_summary=self.workflow.description[:200] or None,
        )
        try:
            # Eager: a worker on this very client takes the first workflow task with the answer.
            return await start(id_conflict_policy=WorkflowIDConflictPolicy.FAIL, request_eager_start=True)
        except WorkflowAlreadyStartedError as error:
            if self.waits and not self.joins:
                return await start(id=f"{self.workflow_id[:_LONGEST_ID]}/{uuid4().hex[:12]}")
            if not self.joins:
                raise PartitionBusyError(
                    f"{self.workflow_id} is running (run {error.run_id}): wait for it or cancel it before you run it "
                    "again"
                ) from None
        handle = await start(id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING)
        await self._check_same_params(client, handle)
        return handle

    async def _check_same_params(self, client: Client, handle: WorkflowHandle[Any, Any]) -> None:
        mine = self.fingerprint
        theirs = await (await described(client, handle)).memo_value(FINGERPRINT, default=mine)
        if theirs != mine:
            raise ParamsError(
                f"{self.workflow_id} is already running with other params "
                f"(run {handle.result_run_id or handle.run_id}): wait for it or cancel it, then start again",
                code="PARAMS_MISMATCH",
            )


async def _started(
    client: Client, workflow: str, *, search_attributes: TypedSearchAttributes | None, **options: Any
) -> WorkflowHandle[Any, Any]:
    """Start a run; where a host of the cluster does not know the search attributes yet, the run sets its own."""
    try:
        return await client.start_workflow(workflow, search_attributes=search_attributes, **options)
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT or search_attributes is None:
            raise
    return await client.start_workflow(workflow, **options)


def _identity(workflow: Workflow, partition: Mapping[str, Any], *, dry_run: bool) -> str:
    """Return the workflow id that a start asks for; where nothing names the partition, each start has its own."""
    identity = workflow_id(workflow, partition)
    if not partition and workflow.partition_by is None:
        identity = f"{identity}/{uuid4().hex[:12]}"
    return f"{identity}/dry-run-{uuid4().hex[:8]}" if dry_run else identity


def _options(
    workflow: Workflow,
    *,
    force: bool,
    dry_run: bool,
    start_from: str | None,
    on_gate_failure: str,
    on_busy: OnBusy | str | None,
) -> dict[str, Any]:
    """Return the run options that are set, as the start's second argument."""
    if start_from is not None and workflow.step(start_from) is None:
        names = ", ".join(step.name for step in workflow.steps)
        raise ParamsError(f"start_from {start_from[:100]!r} is no step of {workflow.name!r}; it has {names}")
    if start_from is not None and dry_run:
        raise ParamsError("start_from and dry_run do not go together: a dry run walks the whole plan")
    if on_gate_failure not in {"stop", "hold"}:
        raise ParamsError(f"on_gate_failure must be 'stop' or 'hold', not {on_gate_failure!r}")
    if on_busy is not None and on_busy not in set(OnBusy):
        raise ParamsError(f"on_busy must be one of {', '.join(OnBusy)}, not {on_busy!r}")
    hold = None if on_gate_failure == "stop" else on_gate_failure
    busy = None if on_busy is None else str(on_busy)
    given = {
        "force": force,
        "dry_run": dry_run,
        "start_from": start_from,
        "on_gate_failure": hold,
        "on_busy": busy,
    }
    return {name: value for name, value in given.items() if value}
