"""The run's own activities: begin, verdict, end. What they write is idempotent; Temporal may call them twice."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.definition.errors import ErrorCategory, ParamsError, PartitionBusyError, SpineError
from spine_temporal.definition.outcome import StepStatus, WorkflowResult, WorkflowStatus
from spine_temporal.definition.params import partition_of, resolve_options, resolve_params
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.plan import Plan, plan_of
from spine_temporal.machine.step_outcome import StepOutcome
from spine_temporal.recording.anomalies import AnomalyRecorder
from spine_temporal.recording.database import Database
from spine_temporal.recording.manifest import upsert_stages
from spine_temporal.recording.partitions import Holder, claim, holder_of, release
from spine_temporal.recording.runs import CompletedRun, close_run, completed_run, open_run, plan_of_run
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.translation.messages import BEGIN, END, VERDICT, BeginRequest, Begun, EndRequest

_log = logging.getLogger(__name__)

_ANOMALIES = uuid5(NAMESPACE_URL, "spine-temporal/failures")


@dataclass(frozen=True, kw_only=True)
class _Claimed:
    """What ``begin`` found when it asked for the partition; one of the three is set."""

    begun: Begun | None = None
    earlier: WorkflowResult | None = None
    holder: Holder | None = None


class RunActivities:
    """The activities that every run calls, bound to one worker's database, definitions and client."""

    def __init__(
        self, database: Database, definitions: Definitions, client: Client, *, search_attributes: bool
    ) -> None:
        self._database = database
        self._definitions = definitions
        self._client = client
        self._search_attributes = search_attributes

    @activity.defn(name=BEGIN)
    async def begin(self, request: BeginRequest) -> Begun:
        """Validate, claim the partition, write the STARTED row, and return the plan that the run keeps."""
        try:
            workflow = self._definitions.workflow(request.workflow)
            begun = _begun(workflow, request, search_attributes=self._search_attributes)
            if begun.is_dry_run:
                return begun
            return await self._claimed(workflow, request, begun)
        except ValueError as error:
            raise _failure(ParamsError(str(error))) from None
        except SpineError as error:
            raise _failure(error) from None

    @activity.defn(name=VERDICT)
    async def verdict(self, outcome: StepOutcome) -> StepOutcome:
        """Return the verdict as it was given: from here on it is history, whatever the gate's code becomes."""
        return outcome

    @activity.defn(name=END)
    async def end(self, request: EndRequest) -> None:
        """Record how the run ended, and give the partition back."""
        try:
            await asyncio.to_thread(self._end, request)
        except SpineError as error:
            raise _failure(error) from None

    async def _claimed(self, workflow: Workflow, request: BeginRequest, begun: Begun) -> Begun:
        closed_run_id = ""
        for _ in range(3):
            claimed = await asyncio.to_thread(self._claim, workflow, request, begun, closed_run_id)
            if claimed.begun is not None:
                return claimed.begun
            if claimed.earlier is not None:
                return begun.model_copy(update={"earlier": claimed.earlier})
            holder = claimed.holder
            if holder is not None and await self._is_open(holder):
                _busy(begun, holder)
            closed_run_id = holder.run_id if holder else ""
        raise SpineError("the partition changed hands while it was claimed", ErrorCategory.TRANSIENT)

    async def _is_open(self, holder: Holder) -> bool:
        """Ask Temporal whether the holder still runs; one that it does not know has ended."""
        try:
            handle = self._client.get_workflow_handle(holder.workflow_id, run_id=holder.run_id)
            return (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise SpineError(
                f"Temporal cannot say whether {holder.workflow_id} runs: {error}", ErrorCategory.DEPENDENCY
            ) from error

    def _claim(self, workflow: Workflow, request: BeginRequest, begun: Begun, closed_run_id: str) -> _Claimed:
        domain = workflow.recording_domain
        with self._database.begin() as connection:
            mine = claim(
                connection,
                domain,
                begun.partition,
                workflow_id=request.workflow_id,
                run_id=request.run_id,
                closed_run_id=closed_run_id,
            )
            if not mine:
                return _Claimed(holder=holder_of(connection, domain, begun.partition))
            earlier = None
            if not begun.force:
                earlier = completed_run(connection, domain, begun.partition, other_than=request.run_id)
            if earlier is not None:
                release(connection, domain, begun.partition, request.run_id)
                return _Claimed(earlier=_same_params(workflow, earlier, begun))
            return _Claimed(begun=_started(connection, domain, request, begun))

    def _end(self, request: EndRequest) -> None:
        result = request.result
        with self._database.begin() as connection:
            upsert_stages(
                connection, request.domain, dict(result.partition), [stage.model_dump() for stage in request.stages]
            )
            upsert_stages(connection, request.domain, dict(result.partition), [_final_stage(request)])
            _record_failures(connection, request)
            completed = result.completed_at or result.started_at
            close_run(connection, result.run_id, result.status.value, completed, result.model_dump_json())
            release(connection, request.domain, result.partition, result.run_id)


def _begun(workflow: Workflow, request: BeginRequest, *, search_attributes: bool) -> Begun:
    options = resolve_options(request.options)
    params = resolve_params(workflow, request.params)
    return Begun(
        plan=plan_of(workflow),
        run_id=request.run_id,
        started_at=request.started_at,
        params=params,
        partition=partition_of(workflow, params),
        force=options.force,
        is_dry_run=options.dry_run,
        search_attributes=search_attributes,
    )


def _started(connection: Connection, domain: str, request: BeginRequest, begun: Begun) -> Begun:
    """Write the run's row and its STARTED stage; a second call for the same run finds the plan of the first."""
    known = plan_of_run(connection, request.run_id)
    if known is not None:
        return begun.model_copy(update={"plan": Plan.model_validate(known)})
    open_run(
        connection,
        run_id=request.run_id,
        workflow_id=request.workflow_id,
        workflow=request.workflow,
        domain=domain,
        partition=begun.partition,
        params=begun.params,
        plan=begun.plan.model_dump_json(),
        started_at=request.started_at,
    )
    upsert_stages(connection, domain, dict(begun.partition), [_stage("STARTED", 0, request.run_id, {})])
    return begun


def _final_stage(request: EndRequest) -> dict[str, Any]:
    result = request.result
    metrics: dict[str, Any] = {
        "step_count": len(result.completed_steps),
        "duration_seconds": result.duration_seconds,
    }
    if result.error_step is not None:
        metrics |= {"error_step": result.error_step, "error_category": result.error_category}
    return _stage(result.status.value, request.stage_rank, result.run_id, metrics)


def _stage(stage: str, rank: int, run_id: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "stage": stage,
        "stage_rank": rank,
        "row_count": None,
        "metrics": metrics,
        "execution_id": run_id,
        "batch_id": None,
    }


def _record_failures(connection: Connection, request: EndRequest) -> None:
    """Write an anomaly for each failed step: ERROR for the one that ended the run, WARN for those it went past."""
    result = request.result
    recorder = AnomalyRecorder(connection, request.workflow_domain)
    for step in result.step_executions:
        if step.status is not StepStatus.FAILED:
            continue
        fatal = step.step_name == result.error_step
        recorder.record(
            f"workflow.{step.step_name}",
            dict(result.partition),
            "ERROR" if fatal else "WARN",
            "WORKFLOW_FAILURE" if fatal else "STEP_FAILURE",
            step.error or "",
            {
                "workflow": result.workflow_name,
                "run_id": result.run_id,
                "workflow_id": request.workflow_id,
                "failure_category": step.error_category,
            },
            anomaly_id=uuid5(_ANOMALIES, f"{result.run_id}/{step.step_name}"),
        )
    if result.status is WorkflowStatus.COMPLETED:
        recorder.resolve(dict(result.partition), "WORKFLOW_FAILURE", f"completed by run {result.run_id}")


def _same_params(workflow: Workflow, earlier: CompletedRun, begun: Begun) -> WorkflowResult:
    """Return the earlier result; a start with other params is refused, as it would get what it did not ask for."""
    given = dict(begun.params)
    changed = [key for key in sorted({*given, *earlier.params}) if given.get(key) != earlier.params.get(key)]
    if changed:
        raise ParamsError(
            f"partition {dict(begun.partition)} of {workflow.name!r} was completed by run {earlier.run_id} with "
            f"another {', '.join(changed)}: start with force to run it again with these params",
            code="PARAMS_MISMATCH",
        )
    return WorkflowResult.model_validate(earlier.result)


def _busy(begun: Begun, holder: Holder) -> NoReturn:
    raise PartitionBusyError(
        f"partition {dict(begun.partition)} of {begun.plan.workflow!r} is held by workflow {holder.workflow_id!r}, "
        f"run {holder.run_id}: wait for it, or cancel it"
    )


def _failure(error: SpineError) -> ApplicationError:
    """Return what Temporal shows; the cause stays in the log, as a failure of some kilobytes would not be shown."""
    _log.warning("%s", error, exc_info=error if error.category is ErrorCategory.INTERNAL else None)
    return ApplicationError(str(error), type=error.category.value, non_retryable=not error.category.retryable)
