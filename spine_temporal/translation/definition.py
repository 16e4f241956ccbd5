"""The Temporal workflow definition: begin, drive the machine, end. The translated classes are its subclasses."""

import asyncio
from typing import Any, ClassVar, assert_never

from temporalio import workflow as temporal
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.outcome import WorkflowResult, WorkflowStatus
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.evaluate import evaluate
from spine_temporal.machine.machine import Move, advance, start
from spine_temporal.machine.state import (
    Cancelled,
    Command,
    Evaluate,
    Finish,
    Run,
    RunPipeline,
    State,
    StepEnded,
    Wait,
)
from spine_temporal.machine.step_outcome import StepOutcome
from spine_temporal.translation import calls, requests
from spine_temporal.translation.details import current_details
from spine_temporal.translation.messages import (
    BEGIN,
    END,
    RESUME,
    VERDICT,
    BeginRequest,
    Begun,
    Ended,
    ResumeRequest,
    StageReached,
)
from spine_temporal.translation.search_attributes import DOMAIN, OUTCOME, of_run, updates_of

#: Seconds between two looks for code that this worker lacks.
MISSING_CODE_INTERVAL = 10


class SpineWorkflow:
    """Runs one Spine workflow. What decides is the machine; what is decided on is history."""

    spine: ClassVar[Workflow]

    def __init__(self) -> None:
        self._state: State | None = None
        self._begun: Begun | None = None
        #: Stages that gates have reached and no transaction has written yet.
        self._unrecorded: list[StageReached] = []
        #: Set where the run was reset by a person who wants it to go on from what it has completed.
        self._resume: ResumeOptions | None = None

    @temporal.query(name="progress", description="How far the run has come, as a WorkflowResult")
    def progress(self) -> WorkflowResult | None:
        """Return how far the run has come; None before it has begun."""
        return requests.carried(self._state.result) if self._state else None

    async def drive(self, params: Any, options: Any, extra: tuple[Any, ...]) -> WorkflowResult:
        """Run from beginning to end and return the result; a failed run raises with it in its details."""
        begun = await self._begin(params, options, extra)
        if begun.earlier is not None:
            self._upsert([OUTCOME.value_set(begun.earlier.status.value)])
            return begun.earlier
        if self._resume is None:
            await self._perform(_first_move(begun))
        while True:
            if self._resume is not None:
                await self._perform(await self._resumed(self._resume))
            result = await self._record_end()
            if self._resume is None:
                return self._answer(result)

    async def _begin(self, params: Any, options: Any, extra: tuple[Any, ...]) -> Begun:
        if extra:
            raise requests.refused(
                f"{self.spine.name!r} takes two arguments, params and run options, and was given {2 + len(extra)}"
            )
        for name, given in (("params", params), ("run options", options)):
            if isinstance(given, bytes):
                raise requests.refused(f"{name} of {self.spine.name!r} must be a JSON object, not {len(given)} bytes")
        info = temporal.info()
        request = BeginRequest(
            workflow=self.spine.name,
            workflow_id=info.workflow_id,
            run_id=info.run_id,
            started_at=info.start_time,
            params=params,
            options=options,
            was_reset=info.run_id != info.first_execution_run_id,
        )
        try:
            begun: Begun = await calls.record(BEGIN, request, Begun, f"begin {self.spine.name}")
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            raise requests.failure_of(error) from error
        self._begun, self._resume = begun, begun.resume
        if info.typed_search_attributes.get(DOMAIN) is None:
            self._upsert(updates_of(of_run(begun.plan.domain, begun.partition, begun.plan.version)))
        return begun

    async def _resumed(self, options: ResumeOptions) -> Move:
        """Begin again with what the reset run has completed."""
        self._resume = None
        info = temporal.info()
        request = ResumeRequest(
            workflow=self.spine.name,
            workflow_id=info.workflow_id,
            run_id=info.run_id,
            started_at=temporal.now(),
            options=options,
        )
        try:
            self._begun = await calls.record(RESUME, request, Begun, f"resume from run {options.run_id}")
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            raise requests.failure_of(error) from error
        self._unrecorded.clear()
        return _first_move(self._begun)

    async def _perform(self, move: Move) -> None:
        """Do what the machine asks until it asks for nothing more."""
        tasks: dict[str, asyncio.Task[StepOutcome]] = {}
        try:
            while not self._take(move, tasks):
                await temporal.wait(list(tasks.values()), return_when=asyncio.FIRST_COMPLETED)
                outcome = self._next_outcome(tasks)
                if outcome.resume is not None:
                    self._resume = outcome.resume
                    await _stopped(tasks)
                    return
                self._reached(outcome)
                move = self._advanced(outcome)
        except asyncio.CancelledError:
            await self._cancel(tasks)

    def _advanced(self, outcome: StepOutcome) -> Move:
        assert self._state is not None  # noqa: S101 - begun before anything is done
        return advance(self._state, StepEnded(outcome=outcome, at=temporal.now()))

    def _take(self, move: Move, tasks: dict[str, asyncio.Task[StepOutcome]]) -> bool:
        """Start the commands of a move; return whether the run has ended."""
        self._state, commands = move
        temporal.set_current_details(current_details(self._state))
        for command in commands:
            match command:
                case Finish():
                    return True
                case RunPipeline() | Evaluate() | Wait():
                    tasks[command.step.name] = asyncio.create_task(self._do(command))
                case _:
                    assert_never(command)
        return False

    def _next_outcome(self, tasks: dict[str, asyncio.Task[StepOutcome]]) -> StepOutcome:
        """Return the first step that has ended, in the order in which they were started."""
        name = next(name for name, task in tasks.items() if task.done())
        return tasks.pop(name).result()

    async def _cancel(self, tasks: dict[str, asyncio.Task[StepOutcome]]) -> None:
        """Stop what runs, keep what completed all the same, and let the machine end as cancelled."""
        assert self._state is not None  # noqa: S101 - begun before anything is done
        await _stopped(tasks)
        for task in tasks.values():
            if not task.cancelled() and task.exception() is None and task.result().resume is None:
                outcome = task.result()
                self._reached(outcome)
                self._state, _ = advance(self._state, StepEnded(outcome=outcome, at=temporal.now()))
        self._state, _ = advance(self._state, Cancelled(at=temporal.now()))
        temporal.set_current_details(current_details(self._state))

    async def _do(self, command: Command) -> StepOutcome:
        match command:
            case RunPipeline():
                return await self._run_pipeline(command)
            case Evaluate():
                return await self._evaluate(command)
            case Wait():
                return await self._wait(command)
            case Finish():
                raise ValueError("Finish is the end of a run and nothing to do")
        assert_never(command)

    async def _run_pipeline(self, command: RunPipeline) -> StepOutcome:
        assert self._begun is not None  # noqa: S101 - begun before anything is done
        if self._begun.is_dry_run:
            return StepOutcome(step=command.step.name)
        carried = tuple(self._unrecorded)
        self._unrecorded.clear()
        try:
            outcome = await calls.run_pipeline(
                command.step, requests.pipeline_request(command.step, self._begun, carried)
            )
        except asyncio.CancelledError:
            self._unrecorded[:0] = carried
            raise
        if outcome.failed:  # its transaction was rolled back, and the stages with it
            self._unrecorded[:0] = carried
        return outcome

    async def _evaluate(self, command: Evaluate) -> StepOutcome:
        """Ask the gate, and go by the verdict that history holds: the code may have changed since."""
        assert self._state is not None  # noqa: S101 - begun before anything is done
        name = command.step.name
        while True:
            verdict = evaluate(self.spine, command.step, self._state.context)
            verdict = requests.asked_of_reset(verdict, self._begun, temporal.info().run_id)
            recorded: StepOutcome = await calls.record(VERDICT, verdict, StepOutcome, f"verdict of {name}")
            if not recorded.missing:
                return recorded
            waiting = f"a worker whose {self.spine.name!r} has the {command.step.kind} step {name!r}"
            temporal.set_current_details(current_details(self._state, waiting))
            await temporal.sleep(MISSING_CODE_INTERVAL, summary=f"no code for step {name}")

    async def _wait(self, command: Wait) -> StepOutcome:
        assert self._begun is not None  # noqa: S101 - begun before anything is done
        step, began = command.step, temporal.now()
        left = 0.0 if self._begun.is_dry_run else step.left(began)
        if left > 0:
            await temporal.sleep(left, summary=f"{step.name}: waits {left:.0f} s")
        return StepOutcome(step=step.name, started_at=began, completed_at=temporal.now())

    def _reached(self, outcome: StepOutcome) -> None:
        """Keep a gate's stage for the next transaction; a pipeline has written its own."""
        assert self._begun is not None  # noqa: S101 - begun before anything is done
        stage = requests.gate_stage(self._begun, outcome)
        if stage is not None:
            self._unrecorded.append(stage)

    async def _record_end(self) -> WorkflowResult:
        assert self._state is not None  # noqa: S101 - begun before anything is done
        assert self._begun is not None  # noqa: S101 - begun before anything is done
        result = requests.carried(self._state.result)
        if not self._begun.is_dry_run:
            request = requests.end_request(self._begun, result, temporal.info().workflow_id, tuple(self._unrecorded))
            ended: Ended | None = await calls.record(END, request, Ended, f"end as {result.status}")
            self._resume = ended.resume if ended is not None else None
        return result

    def _answer(self, result: WorkflowResult) -> WorkflowResult:
        """End the run in Temporal as it has ended in Postgres."""
        failed = result.status is WorkflowStatus.FAILED
        category = result.error_category or ErrorCategory.INTERNAL.value
        self._upsert([OUTCOME.value_set(category[:100] if failed else result.status.value)])
        if failed:
            raise ApplicationError(f"{result.error_step}: {result.error}", result, type=category, non_retryable=True)
        if result.status is WorkflowStatus.CANCELLED:
            raise asyncio.CancelledError
        return result

    def _upsert(self, updates: list[Any]) -> None:
        if self._begun is not None and self._begun.search_attributes:
            temporal.upsert_search_attributes(updates)


def _first_move(begun: Begun) -> Move:
    run = Run(
        run_id=begun.run_id,
        started_at=begun.started_at,
        params=begun.params,
        partition=begun.partition,
        is_dry_run=begun.is_dry_run,
    )
    return start(begun.plan, run, begun.kept)


async def _stopped(tasks: dict[str, asyncio.Task[StepOutcome]]) -> None:
    """Cancel what runs, and wait until it has stopped."""
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
