"""The machine's second driver: a workflow in this process, at once, with no Temporal. For unit tests and dry runs."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.faults import fault_of
from spine_temporal.definition.names import did_you_mean
from spine_temporal.definition.params import partition_of, resolve_params
from spine_temporal.definition.run_result import Decision, WorkflowResult
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.evaluate import VALUE, Computing, compute, evaluate, planned_items, there
from spine_temporal.machine.fan import Fan, ItemOutcome, item_name, item_params, known, map_outcome, tolerated_of
from spine_temporal.machine.machine import advance, start
from spine_temporal.machine.pipeline_answer import PipelineAnswer, answer_of, failed_step
from spine_temporal.machine.plan import (
    PlannedChoice,
    PlannedGate,
    PlannedMap,
    PlannedPipeline,
    PlannedWaitFor,
    PlannedWorkflow,
)
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.retries import tried_again
from spine_temporal.machine.state import (
    Command,
    Decided,
    Doing,
    Finish,
    Hold,
    Run,
    State,
    StepEnded,
    Stop,
)
from spine_temporal.machine.step_outcome import Answered, Cancelled, Completed, Failed, StepOutcome
from spine_temporal.recording.database import translated_errors


class MissingStubError(LookupError):
    """Raised where a run in process comes to a pipeline that nobody has given."""

    def __init__(self, step: str, pipeline: str, given: Iterable[str]) -> None:
        known = f"{', '.join(sorted(given)) or 'none'}{did_you_mean(pipeline, given)}"
        super().__init__(
            f"step {step!r} wants the pipeline {pipeline!r}, and nothing stands for it: give its metrics or a function "
            f"of its params, as in pipelines={{{pipeline!r}: {{'row_count': 1}}}}; given are {known}"
        )


#: Stands for a pipeline: its params in, its metrics out.
Work = Callable[[Mapping[str, Any]], Any]
#: Stands for a person: the name of a held gate in, the decision out.
Decide = Callable[[str], Decision]


def run_in_process(
    workflow: Workflow,
    params: Mapping[str, Any] | None = None,
    pipelines: Mapping[str, Work | Mapping[str, Any]] | None = None,
    *,
    dry_run: bool = False,
    decide: Decide | None = None,
) -> WorkflowResult:
    """Run a workflow to its end; ``pipelines`` gives each pipeline as a function of its params, or its metrics.

    Attempts follow the step's retry policy, without waiting between them; waits take no time, and what runs side by
    side runs in turn. ``decide`` is asked of each held gate, by step name; without it a held gate is aborted.
    Raises ``ParamsError``, as a start does, and ``MissingStubError`` for a pipeline that is not given.
    """
    driver = _Driver(workflow, pipelines or {}, decide or _nobody)
    return driver.run(_fresh(workflow, resolve_params(workflow, params), dry_run=dry_run))


def _fresh(workflow: Workflow, params: Mapping[str, Any], *, dry_run: bool) -> Run:
    return Run(
        run_id=str(uuid4()),
        started_at=datetime.now(UTC),
        params=params,
        partition=partition_of(workflow, params),
        is_dry_run=dry_run,
    )


def _nobody(_step: str) -> Decision:
    return Decision(action="abort", by="nobody", reason="no decision was given")


class _Driver:
    """One run: commands are done one after the other, in the order in which they were asked for."""

    def __init__(self, workflow: Workflow, pipelines: Mapping[str, Work | Mapping[str, Any]], decide: Decide) -> None:
        self._workflow = workflow
        self._pipelines = pipelines
        self._decide = decide

    def run(self, run: Run) -> WorkflowResult:
        state, commands = start(plan_of(self._workflow), run)
        asked: list[Command] = list(commands)
        while asked:
            command = asked.pop(0)
            if isinstance(command, Finish):
                return state.result
            if isinstance(command, Stop):
                for name in command.steps:
                    asked = [other for other in asked if _name(other) != name]
                    state, more = advance(state, _ended(Cancelled(step=name)))
                    asked += more
                continue
            state, more = advance(state, self._event(state, command))
            asked += more
        raise RuntimeError("the machine asked for nothing, and the run has not ended")

    def _event(self, state: State, command: Doing) -> StepEnded | Decided:
        if isinstance(command, Hold):
            return Decided(step=command.step.name, decision=self._decide(command.step.name), at=datetime.now(UTC))
        return _ended(self._outcome(state, command))

    def _outcome(self, state: State, command: Doing) -> StepOutcome:
        match command.step:
            case PlannedPipeline() as step:
                given = self._given(state, step, step.params)
                return given if isinstance(given, Failed) else self._pipeline(state, step, given)
            case PlannedGate() | PlannedChoice() as step:
                return _there(evaluate(self._workflow, step, state.context_of(step.name)))
            case PlannedMap() as step:
                return self._map(state, step)
            case PlannedWorkflow() as step:
                return self._sub_workflow(state, step)
            case PlannedWaitFor() as step:
                partitions = self._given(state, step, step.partitions)
                return partitions if isinstance(partitions, Failed) else there(step, partitions)
        return Completed(step=command.step.name)

    def _given(self, state: State, step: Computing, otherwise: Any) -> Any:
        """Return what code gives for a step, the failed outcome where it fails."""
        if not step.computed:
            return otherwise
        value = _there(compute(self._workflow, step, state.context_of(step.name)))
        return value if isinstance(value, Failed) else value.output[VALUE]

    def _pipeline(self, state: State, step: PlannedPipeline, params: Mapping[str, Any]) -> Answered:
        if state.run.is_dry_run:
            return Completed(step=step.name, output=step.sample_output)
        failed = {"failure": vars(state.failure)} if state.failure else {}
        return _run(step.name, step, {**state.run.params, **failed, **params}, self._pipelines)

    def _map(self, state: State, step: PlannedMap) -> Answered:
        context = state.context_of(step.name)
        if step.computed:
            found = _there(compute(self._workflow, step, context))
        else:
            found = planned_items(state.plan, step, context)
        if isinstance(found, Failed):
            return found
        fan = Fan(step, found.output[VALUE], tolerated_of(step, len(found.output[VALUE])))
        while not fan.done:
            for index in fan.begin():
                fan.ended(index, self._item(state, step, index, fan.items[index]))
        return map_outcome(step, len(fan.items), fan.outcomes)

    def _item(self, state: State, step: PlannedMap, index: int, item: Any) -> ItemOutcome:
        try:
            params = item_params(step, state.run.params, item)
        except ValueError as error:
            return ItemOutcome(error=str(error), category=ErrorCategory.CONFIGURATION.value)
        if step.pipeline is not None:
            if state.run.is_dry_run:
                return ItemOutcome(output=step.pipeline.sample_output)
            return _item_outcome(_run(item_name(step.name, index), step.pipeline, params, self._pipelines))
        if state.run.is_dry_run:
            return ItemOutcome()
        return _item_outcome(self._child(state, step.name, params))

    def _sub_workflow(self, state: State, step: PlannedWorkflow) -> Answered:
        given = self._given(state, step, step.params)
        if isinstance(given, Failed):
            return given
        return self._child(state, step.name, {**known(state.run.params, step.known_params), **given})

    def _child(self, state: State, name: str, params: Mapping[str, Any]) -> Answered:
        workflow = getattr(self._workflow.step(name), "workflow", None)
        assert workflow is not None  # noqa: S101 - the plan is this workflow's
        try:
            resolved = resolve_params(workflow, params, inherited=True)
            run = _fresh(workflow, resolved, dry_run=state.run.is_dry_run)
            result = _Driver(workflow, self._pipelines, self._decide).run(run)
        except SpineError as error:
            return failed_step(name, error)
        if result.error is not None:
            told = f"{result.error_step}: {result.error}"
            traceback = next(step.traceback for step in result.step_executions if step.step_name == result.error_step)
            category = result.error_category or ErrorCategory.INTERNAL.value
            return Failed(step=name, error=told, category=category, traceback=traceback)
        return Completed(step=name, output=dict(result.outputs))


def _ended(outcome: StepOutcome) -> StepEnded:
    return StepEnded(outcome=outcome, at=datetime.now(UTC))


def _name(command: Command) -> str | None:
    return None if isinstance(command, Stop | Finish) else command.step.name


def _run(
    name: str, step: PlannedPipeline, params: Mapping[str, Any], pipelines: Mapping[str, Work | Mapping[str, Any]]
) -> Answered:
    """Try the pipeline until it completes or is not to be tried again; ``name``: of the step, or of a map's item."""
    if step.pipeline not in pipelines:
        raise MissingStubError(name, step.pipeline, pipelines)
    attempt = 1
    while True:
        answer = _attempted(name, step.pipeline, params, pipelines[step.pipeline])
        failure = answer.failure
        if failure is None:
            return Completed(step=name, output=answer.output, attempt=attempt)
        if not tried_again(failure.category, step.on_error, attempt=attempt, retry=step.retry):
            return failed_step(name, failure, attempt=attempt)
        attempt += 1


def _attempted(name: str, pipeline: str, params: Mapping[str, Any], work: Work | Mapping[str, Any]) -> PipelineAnswer:
    try:
        with translated_errors():
            given = work(params) if callable(work) else work
    except BaseException as error:  # noqa: BLE001 - as in the pipeline's activity
        return PipelineAnswer(failure=fault_of(error))
    return answer_of(given, step=name, pipeline=pipeline)


def _item_outcome(outcome: Answered) -> ItemOutcome:
    if isinstance(outcome, Failed):
        return ItemOutcome(error=outcome.error, category=outcome.category, traceback=outcome.traceback)
    return ItemOutcome(output=outcome.output)


def _there(answered: Answered | None) -> Answered:
    """Return what code has answered, which is there: the plan is that of the workflow."""
    assert answered is not None  # noqa: S101 - so it is
    return answered
