"""The Temporal workflow definition: begin, drive the machine, end. The translated classes are its subclasses."""

import asyncio
import time
from typing import Any

from temporalio import workflow as temporal
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.outcome import Decision, ItemCounts, StepStatus, WorkflowResult, WorkflowStatus
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.machine import Move, advance, start
from spine_temporal.machine.state import Cancelled, Decided, Finish, Progressed, Run, State, StepEnded, Stop
from spine_temporal.machine.step_outcome import StepOutcome
from spine_temporal.translation import calls, requests
from spine_temporal.translation.decisions import decision_of, refused
from spine_temporal.translation.details import (
    current_details,
    earlier_details,
    ended_details,
    ending,
    refused_details,
)
from spine_temporal.translation.messages import (
    BEGIN,
    END,
    RESUME,
    VERDICT,
    BeginRequest,
    Begun,
    Ended,
    ResumeRequest,
)
from spine_temporal.translation.payloads import Unreadable
from spine_temporal.translation.search_attributes import DOMAIN, OUTCOME, of_run, updates_of
from spine_temporal.translation.stepping import Stepping, ended

StepTask = asyncio.Task[StepOutcome | Decision]


class SpineWorkflow:
    """Runs one Spine workflow. What decides is the machine; what is decided on is history."""

    #: Its definition, which a translated class finds.
    spine: Workflow

    def __init__(self) -> None:
        self._state: State | None = None
        self._begun: Begun | None = None
        self._stepping: Stepping | None = None
        self._decisions: dict[str, Decision] = {}
        self._waited: set[str] = set()
        #: Set where the run was reset by a person who wants it to go on from what it has completed.
        self._resume: ResumeOptions | None = None
        #: How often somebody has said that the run was reset to go on otherwise, and how often it has.
        self._told = 0
        self._resumed_times = 0
        self._shown_held = False
        #: Whether somebody has cancelled the run: it ends so also where it has just begun, or goes on otherwise.
        self._is_cancelled = False

    @temporal.query(name="progress", description="How far the run has come, as a WorkflowResult")
    def progress(self) -> WorkflowResult | None:
        """Return how far the run has come; None before it has begun."""
        return requests.carried(self._state.result) if self._state else None

    @temporal.signal(name="resume", description="Look whether this reset run is to go on otherwise")
    def resume(self) -> None:
        """Wake a run that was reset and waits."""
        self._told += 1

    @temporal.update(name="waive", description="Let a held gate pass: {step, by, reason}")
    def waive(self, given: Any = None) -> str:
        """Go on as if the gate had passed."""
        return self._decide("waive", given)

    @temporal.update(name="retry", description="Ask a held gate again, from an earlier step: {step, by, reason, from}")
    def retry(self, given: Any = None) -> str:
        """Ask the gate again."""
        return self._decide("retry", given)

    @temporal.update(name="abort", description="Fail the run at its held gate: {step, by, reason}")
    def abort(self, given: Any = None) -> str:
        """Fail the run."""
        return self._decide("abort", given)

    @waive.validator
    def _check_waive(self, given: Any = None) -> None:
        self._check("waive", given)

    @retry.validator
    def _check_retry(self, given: Any = None) -> None:
        self._check("retry", given)

    @abort.validator
    def _check_abort(self, given: Any = None) -> None:
        self._check("abort", given)

    def _check(self, action: str, given: Any) -> None:
        if self._is_told or self._resume is not None:
            raise refused("the run is being resumed, and what it holds may change: decide when it has gone on")
        decision_of(action, given, self._state, self._decisions, time.time())

    def _decide(self, action: str, given: Any) -> str:
        """Keep the decision; the step that waits for it acts on it."""
        step, decision = decision_of(action, given, self._state, self._decisions)
        self._decisions[step] = decision.model_copy(update={"at": temporal.now()})
        return f"{step} {decision}"

    @property
    def _is_told(self) -> bool:
        """Whether there is a reset that the run has not gone on from yet; most find out by themselves, by asking."""
        return self._told > self._resumed_times

    async def drive(self, params: Any, options: Any, extra: tuple[Any, ...]) -> WorkflowResult:
        """Run from beginning to end and return the result; a failed run raises with it in its details."""
        begun = await self._begin(params, options, extra)
        while True:
            if self._resume is not None:
                begun = await self._resumed(self._resume)
            if begun.earlier is not None:
                return self._answer(begun.earlier)
            move = self._first_move(begun)
            self._reached(None, move[0])
            await self._perform(move)
            result = await self._record_end() if self._resume is None else None
            if result is not None and self._resume is None:
                return self._answer(result)

    async def _begin(self, params: Any, options: Any, extra: tuple[Any, ...]) -> Begun:
        info = temporal.info()
        request = BeginRequest(
            workflow=self.spine.name,
            workflow_id=info.workflow_id,
            run_id=info.run_id,
            started_at=info.start_time,
            params=None if isinstance(params, bytes | Unreadable) else params,
            options=None if isinstance(options, bytes | Unreadable) else options,
            was_reset=info.run_id != info.first_execution_run_id,
            first_run_id=info.first_execution_run_id,
            asked_at=temporal.now(),
            refused=requests.unreadable_start(self.spine.name, params, options, extra),
            is_child=info.parent is not None,
        )
        try:
            begun: Begun = await calls.record(BEGIN, request, Begun, late=self._is_cancelled_late)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            raise _refused(error) from error
        self._begun_as(begun)
        self._resume = begun.resume
        if info.typed_search_attributes.get(DOMAIN) is None:
            self._upsert(updates_of(of_run(begun.plan.domain, begun.partition, begun.plan.version)))
        return begun

    def _is_cancelled_late(self) -> None:
        """Keep in mind that the run was cancelled while it began."""
        self._is_cancelled = True

    async def _resumed(self, options: ResumeOptions) -> Begun:
        """Begin again with what the reset run has completed."""
        self._resumed_times += 1
        info = temporal.info()
        request = ResumeRequest(
            workflow=self.spine.name,
            workflow_id=info.workflow_id,
            run_id=info.run_id,
            started_at=temporal.now(),
            options=options,
            first_run_id=info.first_execution_run_id,
            asked_at=temporal.now(),
        )
        try:
            begun: Begun = await calls.record(
                RESUME, request, Begun, f"from run {options.run_id}", late=self._is_cancelled_late
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            raise _refused(error) from error
        self._resume = None
        self._begun_as(begun)
        return begun

    def _begun_as(self, begun: Begun) -> None:
        self._begun = begun
        self._stepping = Stepping(
            spine=self.spine,
            begun=begun,
            key=begun.key(temporal.info().workflow_id, temporal.info().run_id),
            state=self._current,
            progressed=self._progressed,
            decisions=self._decisions,
            waited=self._waited,
        )

    def _current(self) -> State:
        assert self._state is not None  # noqa: S101 - begun before anything is done
        return self._state

    def _progressed(self, step: str, items: ItemCounts) -> None:
        self._state, _ = advance(self._current(), Progressed(step=step, items=items))
        temporal.set_current_details(current_details(self._state))

    async def _perform(self, move: Move) -> None:
        """Do what the machine asks until it asks for nothing more."""
        tasks: dict[str, StepTask] = {}
        while not self._take(move, tasks):
            try:
                await temporal.wait_condition(lambda: self._is_told or any(task.done() for task in tasks.values()))
                if self._is_told and await self._asked_to_resume():
                    await _stopped(tasks)
                    return
            except asyncio.CancelledError:
                self._is_cancelled = True
                move = await self._cancelled(tasks)
                continue
            name = next((name for name, task in tasks.items() if task.done()), None)
            if name is None:
                move = (self._current(), ())
                continue
            answer = _answer_of(name, tasks.pop(name))
            if isinstance(answer, StepOutcome) and answer.resume is not None:
                self._resume = answer.resume
                await _stopped(tasks)
                return
            if isinstance(answer, StepOutcome) and requests.is_lost(answer):
                await _stopped(tasks)
                self._upsert([OUTCOME.value_set(str(answer.category))])
                raise requests.lost(answer)
            move = self._advanced(name, answer)

    def _advanced(self, name: str, answer: StepOutcome | Decision) -> Move:
        state, at = self._current(), temporal.now()
        if isinstance(answer, Decision):
            move = advance(state, Decided(step=name, decision=answer, at=at))
        else:
            move = advance(state, StepEnded(outcome=answer, at=at))
        self._reached(state, move[0])
        return move

    def _reached(self, before: State | None, after: State) -> None:
        """Keep the stages of steps that have completed for the next transaction; a pipeline has written its own.

        Those that are kept from an earlier run, too: it may have ended before it wrote them.
        """
        for name, execution in after.executions.items():
            known = None if before is None else before.executions.get(name)
            if execution.status is StepStatus.COMPLETED and (known is None or known.status is not execution.status):
                self._keep_stage(after, name)

    def _keep_stage(self, state: State, name: str) -> None:
        execution = state.executions[name]
        if self._begun is None or self._stepping is None:
            return
        output = state.outputs.get(name, {})
        outcome = StepOutcome(step=name, output=output, items=execution.items, kept_from=execution.kept_from)
        stage = requests.stage_of(self._begun, outcome)
        if stage is not None:
            self._stepping.unwritten.add(stages=(stage,))

    def _take(self, move: Move, tasks: dict[str, StepTask]) -> bool:
        """Start the commands of a move; return whether the run has ended."""
        self._state, commands = move
        temporal.set_current_details(current_details(self._state))
        self._upsert_held(self._state)
        assert self._stepping is not None  # noqa: S101 - begun before anything is done
        for command in commands:
            match command:
                case Finish():
                    return True
                case Stop():
                    for name in command.steps:
                        tasks[name].cancel()
                case _:
                    tasks[command.step.name] = asyncio.create_task(self._stepping.do(command))
        return False

    def _upsert_held(self, state: State) -> None:
        """Let lists of runs show which wait for a person."""
        if bool(state.held) is not self._shown_held:
            self._shown_held = bool(state.held)
            self._upsert([OUTCOME.value_set(StepStatus.HELD.value) if state.held else OUTCOME.value_unset()])

    async def _asked_to_resume(self) -> bool:
        """Look whether a person has reset the run to go on otherwise."""
        assert self._begun is not None  # noqa: S101 - begun before anything is done
        question = StepOutcome(step="", reset_of=self._begun.run_id)
        told = self._told
        try:
            answer: StepOutcome = await calls.record(VERDICT, question, StepOutcome, "ask how to go on", beside=True)
            self._resume = answer.resume
        finally:
            if self._resume is None:
                self._told += self._resumed_times - told
        return self._resume is not None

    async def _cancelled(self, tasks: dict[str, StepTask]) -> Move:
        """Stop what runs, keep what completed all the same, and let the machine end as cancelled."""
        await _stopped(tasks)
        state = self._current()
        for name, task in tasks.items():
            answer = _answer_of(name, task)
            if isinstance(answer, StepOutcome) and not answer.cancelled and not answer.failed and not answer.resume:
                after, _ = advance(state, StepEnded(outcome=answer, at=temporal.now()))
                self._reached(state, after)
                state = after
        tasks.clear()
        return _cancelled_at(state)

    async def _record_end(self) -> WorkflowResult:
        assert self._begun is not None  # noqa: S101 - begun before anything is done
        assert self._stepping is not None  # noqa: S101 - begun before anything is done
        result = requests.carried(self._current().result)
        if not self._begun.is_dry_run:
            request = requests.end_request(self._begun, self._stepping.key, result)
            request = request.model_copy(update=self._stepping.told(**vars(self._stepping.unwritten)))
            try:
                ended: Ended | None = await calls.record(END, request, Ended, ending(result))
            except FailureError as error:
                if is_cancelled_exception(error):
                    raise
                failure = requests.failure_of(error)
                self._upsert([OUTCOME.value_set(str(failure.type))])
                raise failure from error
            self._resume = ended.resume if ended is not None else None
            if ended is not None and ended.recorded is not None:
                return ended.recorded  # what is committed stands, whatever the run was told since
        return result

    def _answer(self, result: WorkflowResult) -> WorkflowResult:
        """End the run in Temporal as it has ended in Postgres."""
        if result.reused or self._state is None:
            temporal.set_current_details(earlier_details(result))
        else:
            temporal.set_current_details(ended_details(self._state, result))
        failed = result.status is WorkflowStatus.FAILED
        category = result.error_category or ErrorCategory.INTERNAL.value
        self._upsert([OUTCOME.value_set(category[:100] if failed else result.status.value)])
        if failed:
            raise ApplicationError(f"{result.error_step}: {result.error}", result, type=category, non_retryable=True)
        if result.status is WorkflowStatus.CANCELLED:
            raise asyncio.CancelledError
        return result

    def _first_move(self, begun: Begun) -> Move:
        """Begin at the first step; of a run that was cancelled meanwhile that is its end."""
        state, commands = _start_of(begun)
        return _cancelled_at(state) if self._is_cancelled else (state, commands)

    def _upsert(self, updates: list[Any]) -> None:
        if self._begun is not None and self._begun.search_attributes:
            temporal.upsert_search_attributes(updates)


def _refused(error: FailureError) -> ApplicationError:
    """Return the failure of a run that cannot begin, and let the Web UI say so."""
    failure = requests.failure_of(error)
    temporal.set_current_details(refused_details(failure.type or "", failure.message))
    return failure


def _cancelled_at(state: State) -> Move:
    """Cancel the run; one whose last step has just completed has ended already, and so it finishes."""
    ended = state.status is not WorkflowStatus.RUNNING
    return (state, (Finish(),)) if ended else advance(state, Cancelled(at=temporal.now()))


def _start_of(begun: Begun) -> Move:
    run = Run(
        run_id=begun.run_id,
        started_at=begun.started_at,
        params=begun.params,
        partition=begun.partition,
        is_dry_run=begun.is_dry_run,
        holds_gates=begun.holds_gates,
    )
    return start(begun.plan, run, begun.kept)


def _answer_of(name: str, task: StepTask) -> StepOutcome | Decision:
    """Return what a step's task came to; only one that we have stopped is a cancelled step."""
    failure = asyncio.CancelledError() if task.cancelled() else task.exception()
    return task.result() if failure is None else ended(name, failure, stopped=task.cancelling() > 0)


async def _stopped(tasks: dict[str, StepTask]) -> None:
    """Cancel what runs, and wait until it has stopped."""
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
