"""How a run begins by a start: validated, planned, and gone on with where an earlier run has done part of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Connection

from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.json_values import JsonValueError, to_json
from spine_temporal.definition.params import ResumeOptions, partition_of, resolve_options, resolve_params
from spine_temporal.definition.run_result import WorkflowResult, WorkflowStatus
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.plan import Plan
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.resumed_run import resumed
from spine_temporal.recording.ended_runs import ended_run
from spine_temporal.recording.partitions import release
from spine_temporal.recording.runs import (
    RunRow,
    latest_run_of_chain,
    latest_run_of_lineage,
    latest_run_of_partition,
    run_of,
)
from spine_temporal.runtime.beginning import Beginning, reused, send_back, write_beginning
from spine_temporal.runtime.brief_steps import BriefSteps
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.fingerprints import changed_inputs
from spine_temporal.runtime.orphaned_runs import write_orphaned_end
from spine_temporal.runtime.resume_starter import ResumeStarter
from spine_temporal.runtime.run_opener import RunOpener
from spine_temporal.runtime.temporal_runs import RESET, Standing
from spine_temporal.translation.classes import Source
from spine_temporal.translation.messages import BeginRequest, Begun
from spine_temporal.translation.revisions import REVISION


class Validators(Protocol):
    """Validates params in another process."""

    def params(self, workflow: Workflow, source: Source, given: Any, *, inherited: bool) -> dict[str, Any]:
        """Return the run's params; raises ``SpineError`` as ``resolve_params`` does."""


class RunStarter:
    """Begins the runs of one worker's definitions."""

    def __init__(
        self,
        definitions: Definitions,
        opener: RunOpener,
        resumes: ResumeStarter,
        brief: BriefSteps,
        *,
        validators: Validators | None = None,
    ) -> None:
        self._definitions = definitions
        self._opener = opener
        self._resumes = resumes
        self._brief = brief
        self._validators = validators
        #: By workflow.
        self._plans: dict[str, Plan] = {}

    async def begin(self, request: BeginRequest) -> Begun:
        """Begin a run that was started. Raises ``SpineError`` and ``ValueError`` for what is wrong with it."""
        if request.refused:
            raise ParamsError(request.refused)
        workflow = self._definitions.workflow(request.workflow)
        options = resolve_options(request.options)
        if options.resume is not None:
            return await self._resumes.go_on(request, workflow, options.resume, options)
        resume = await self._resumes.requested(request.workflow_id, request.run_id) if request.was_reset else None
        params = await self._params(workflow, request.params, inherited=request.is_child)
        begun = Begun(
            plan=self._brief.planned(workflow, self._plan_of(workflow)),
            run_id=request.run_id,
            started_at=request.started_at,
            params=params,
            partition=partition_of(workflow, params) or _own_partition(workflow, request.run_id),
            force=options.force,
            is_dry_run=options.dry_run,
            holds_gates=options.on_gate_failure == "hold",
            search_attributes=await self._opener.sets_search_attributes(),
            resume=resume,
            revision=REVISION,
            stretches=self._validators is not None,
        )
        if resume is not None:
            return begun
        if begun.is_dry_run:
            if options.start_from is not None:
                raise ParamsError("run options 'start_from' and 'dry_run' do not go together")
            return begun
        return await self._opener.open(request, workflow, options, begun, _started)

    def _plan_of(self, workflow: Workflow) -> Plan:
        if workflow.name not in self._plans:
            self._plans[workflow.name] = plan_of(workflow)
        return self._plans[workflow.name]

    async def _params(self, workflow: Workflow, given: Any, *, inherited: bool) -> dict[str, Any]:
        """Return the run's params; a ``params_model`` is user code, which runs elsewhere where it can."""
        if workflow.params_model is None or self._validators is None or not isinstance(given, Mapping):
            return resolve_params(workflow, given, inherited=inherited)
        try:
            known = to_json(given, "params")
        except JsonValueError:
            return resolve_params(workflow, given, inherited=inherited)
        source = self._definitions.workflows[workflow.name][1]
        validate = partial(self._validators.params, workflow, source, known, inherited=inherited)
        return await asyncio.to_thread(validate)


def _own_partition(workflow: Workflow, run_id: str) -> dict[str, Any]:
    """Return the partition of a run without params: itself, as each start is its own."""
    return {"run_id": run_id} if workflow.partition_by is None else {}


def _started(connection: Connection, beginning: Beginning, known: RunRow | None, earlier: RunRow | None) -> Begun:
    """Write the run's row and its STARTED stage, or find that nothing is left to do.

    A second call for the same run finds the plan of the first.
    """
    begun, options = beginning.begun, beginning.options
    if known is not None:
        begun = begun.model_copy(update={"plan": Plan.model_validate(known.plan)})
    if options.start_from is not None:
        return _started_from(connection, beginning, options.start_from)
    before = _before(connection, beginning)
    if before is not None:
        return _continued(connection, beginning, before)
    if (
        known is None
        and earlier is not None
        and not begun.force
        and not changed_inputs(earlier.fingerprints, beginning.fingerprints)
    ):
        return _already_completed(connection, beginning, _same_params(beginning.workflow, earlier, begun))
    begun = begun.model_copy(update={"lineage": options.lineage or ""})
    return write_beginning(connection, replace(beginning, begun=begun))


def _already_completed(connection: Connection, beginning: Beginning, result: WorkflowResult) -> Begun:
    """Release the partition, and return the result of the run that completed it."""
    release(connection, beginning.key.recording_domain, beginning.begun.partition, beginning.begun.run_id)
    return reused(beginning.begun, result)


def _before(connection: Connection, beginning: Beginning) -> RunRow | None:
    """Return the earlier run that this one continues without a person's resume; None if its params differ.

    It is the one before in the chain of Temporal's resets, or in the lineage of the step that this run is.
    """
    request, options = beginning.request, beginning.options
    if options.lineage:
        row = latest_run_of_lineage(connection, options.lineage, other_than=request.run_id)
    elif beginning.first_run_id != request.run_id:
        row = latest_run_of_chain(
            connection, request.workflow_id, beginning.first_run_id, beginning.temporal, other_than=request.run_id
        )
    else:
        return None
    if row is None or dict(row.params) != dict(beginning.begun.params):
        return None
    if row.status == WorkflowStatus.RUNNING.value:
        write_orphaned_end(connection, row.run_id, Standing(is_open=False, closed_as=RESET))
        return run_of(connection, row.run_id)
    return row


def _continued(connection: Connection, beginning: Beginning, row: RunRow) -> Begun:
    """Continue the earlier run as a resume would; if that run has completed, return its result."""
    if row.status == WorkflowStatus.COMPLETED.value and row.result is not None:
        if beginning.options.lineage or not beginning.begun.force:
            return _already_completed(connection, beginning, WorkflowResult.model_validate(row.result))
        return write_beginning(connection, beginning)
    fresh = resumed(beginning.workflow, ended_run(connection, row), ResumeOptions(run_id=row.run_id))
    begun = beginning.begun.model_copy(update={"plan": fresh.plan, "kept": fresh.kept, "lineage": row.lineage_id})
    beginning = replace(beginning, begun=begun, correction=fresh.correction)
    return write_beginning(connection, beginning, resumed_from=row.run_id)


def _started_from(connection: Connection, beginning: Beginning, step: str) -> Begun:
    """Keep what the partition's last run has of the steps before; the params are those of this start."""
    begun = beginning.begun
    domain = beginning.key.recording_domain
    row = latest_run_of_partition(connection, domain, begun.partition, other_than=begun.run_id)
    if row is None:
        raise ParamsError(
            f"run option 'start_from': no run of {beginning.workflow.name!r} has begun on {dict(begun.partition)}, so "
            "there are no outputs to keep: start without it"
        )
    ended = replace(ended_run(connection, row), params=begun.params)
    fresh = resumed(beginning.workflow, ended, ResumeOptions(run_id=row.run_id, start_from=step))
    begun = begun.model_copy(update={"plan": fresh.plan, "kept": fresh.kept, "lineage": row.lineage_id})
    beginning = replace(beginning, begun=begun, correction=fresh.correction)
    send_back(connection, beginning, step)
    return write_beginning(connection, beginning, resumed_from=row.run_id)


def _same_params(workflow: Workflow, earlier: RunRow, begun: Begun) -> WorkflowResult:
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
