"""Drives the machine through a run that has begun: does what it asks for, and tells it what came of that."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from temporalio import workflow as temporal
from temporalio.exceptions import FailureError, is_cancelled_exception

from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.run_result import Decision, WorkflowResult, WorkflowStatus
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.machine import Move, advance, start
from spine_temporal.machine.plan import PlannedMap, PlannedWorkflow
from spine_temporal.machine.state import Cancelled, Decided, Finish, State, StepEnded, Stop
from spine_temporal.machine.step_outcome import Completed, Failed, StepOutcome
from spine_temporal.translation import bookkeeping, failures, requests
from spine_temporal.translation.details import ending
from spine_temporal.translation.live_run import LiveRun
from spine_temporal.translation.messages import END, Begun, Ended
from spine_temporal.translation.pipeline_runner import Passed, Stretched
from spine_temporal.translation.resumes import Resumes
from spine_temporal.translation.revisions import STOPS_ARE_BOUNDED, VERDICTS_RIDE
from spine_temporal.translation.search_attributes import ShownOutcome
from spine_temporal.translation.shown_details import ShownDetails
from spine_temporal.translation.step_messages import BegunAhead
from spine_temporal.translation.step_runner import Answer, StepRunner, ended

#: Seconds that a run which was reset waits for a child that it stops.
STOP_PATIENCE = 60
StepTask = asyncio.Task[Answer]


class Driver:
    """Takes one run from its beginning to its end, or to where it is to go on otherwise."""

    def __init__(
        self,
        spine: Workflow,
        begun: Begun,
        resumes: Resumes,
        shown: ShownOutcome,
        details: ShownDetails,
        *,
        before: LiveRun | None,
        is_cancelled: bool,
    ) -> None:
        """``before``: the run that this one goes on from, in the same history."""
        state, self._first = _start_of(begun)
        info = temporal.info()
        self.run = LiveRun(
            spine=spine,
            begun=begun,
            key=begun.key(info.workflow_id, info.run_id),
            state=state,
            details=details,
            looked_at=before.looked_at if before is not None else set(),
        )
        #: Whether somebody has cancelled the run: it ends so also where it has just begun, or goes on otherwise.
        self.is_cancelled = is_cancelled
        #: Why the run may write nothing any more.
        self._lost: Failed | None = None
        self._steps = StepRunner.of(self.run)
        self._resumes = resumes
        self._shown = shown

    async def drive(self) -> WorkflowResult | None:
        """Do what the machine asks until the run has ended, and record that; None where it is to go on otherwise.

        A cancelled run ends as such also where it has just begun.
        """
        move = self._begun_with()
        if self._lost is None and (not await self._performed(move) or self._resumes.wanted is not None):
            return None
        result = await (self._record_end() if self._lost is None else self._found_end(self._lost))
        return None if self._resumes.wanted is not None else result

    def _begun_with(self) -> Move:
        """Return where the run stands as it begins: with what was done along with its beginning."""
        move: Move = (self.run.state, self._first)
        self.run.reached(None, move[0])
        begun = self.run.begun
        went = self._steps.pipelines.stretched(begun.went) if isinstance(begun, BegunAhead) and begun.went else None
        if went is not None:
            self._lost = went.lost
            move = self._advanced("", went)
        return _cancelled_at(self.run.state) if self.is_cancelled else move

    async def _performed(self, move: Move) -> bool:
        """Do what the machine asks until it asks for nothing more; False where the run is to go on otherwise."""
        tasks: dict[str, StepTask] = {}
        while not self._took(move, tasks):
            try:
                await temporal.wait_condition(
                    lambda: self._resumes.is_signalled or any(task.done() for task in tasks.values())
                )
                if self._resumes.is_signalled and await self._resumes.ask(self.run.begun.run_id):
                    await self._stop(tasks)
                    return False
            except (asyncio.CancelledError, FailureError) as error:
                if not is_cancelled_exception(error):  # as one does that is cancelled while it asks how to go on
                    raise
                self.is_cancelled = True
                move = await self._cancelled(tasks)
                continue
            name = next((name for name, task in tasks.items() if task.done()), None)
            if name is None:
                move = (self.run.state, ())
                continue
            answer = _answer_of(name, tasks.pop(name))
            if isinstance(answer, ResumeOptions):
                self._resumes.wanted = answer
                await self._stop(tasks)
                return False
            lost = _lost_by(answer)
            if lost is not None:
                if isinstance(answer, Stretched):
                    self._advanced(name, answer)
                await self._stop(tasks)
                self._lost = lost
                return True
            move = self._advanced(name, answer)
        return True

    def _advanced(self, name: str, answer: StepOutcome | Decision | Passed | Stretched) -> Move:
        if isinstance(answer, Passed):
            return self._went_through(answer)
        if isinstance(answer, Stretched):
            move: Move = (self.run.state, ())
            for link in answer.links:
                move = self._went_through(self._steps.pipelines.took(link))
            return move
        if isinstance(answer, Decision):
            return self._moved(Decided(step=name, decision=answer, at=temporal.now()))
        return self._moved(StepEnded(outcome=answer, at=self._ended_at(answer)))

    def _went_through(self, passed: Passed) -> Move:
        """End the gates of a door and the pipeline behind it; what each asks for but the last has been done."""
        move: Move = (self.run.state, ())
        for gate in passed.gates:
            is_over = passed.pipeline is None and gate is passed.gates[-1]  # the run goes on from here, now
            at = temporal.now() if is_over else passed.at
            move = self._moved(StepEnded(outcome=gate, at=at), is_written=passed.is_written)
        if passed.pipeline is not None:
            at = passed.ended_at or self._ended_at(passed.pipeline)
            move = self._moved(StepEnded(outcome=passed.pipeline, at=at))
        return move

    def _moved(self, event: StepEnded | Decided, *, is_written: bool = False) -> Move:
        before = self.run.state
        if isinstance(event, StepEnded):
            self.run.details.measured(event.outcome)
        move = advance(before, event)
        self.run.state = move[0]
        if not is_written:
            self.run.reached(before, move[0])
        return move

    def _ended_at(self, outcome: StepOutcome) -> datetime:
        """Return when a step has ended for the run: now, but for a pipeline whose transaction has ended the run."""
        return (self.run.is_ended and outcome.completed_at) or temporal.now()

    def _took(self, move: Move, tasks: dict[str, StepTask]) -> bool:
        """Start the commands of a move; return whether the run has ended."""
        self.run.state, commands = move
        self.run.details.reached(self.run.shown)
        self._shown.show_held(is_held=bool(self.run.state.held))
        for command in commands:
            match command:
                case Finish():
                    return True
                case Stop():
                    for name in command.steps:
                        tasks[name].cancel()
                case _:
                    tasks[command.step.name] = asyncio.create_task(self._steps.do(command))
        return False

    async def _cancelled(self, tasks: dict[str, StepTask]) -> Move:
        """Stop what runs, keep what completed all the same, and let the machine end as cancelled."""
        behind_door = self.run.behind_door
        await self._stop(tasks)
        behind_door, self.run.behind_door = behind_door or self.run.behind_door, None
        for name, task in tasks.items():
            answer = _answer_of(name, task) if task.done() else None
            completed = None if answer is None else _completed_by(answer)
            if completed is not None:
                self._advanced(name, completed)
        tasks.clear()
        if behind_door is not None and behind_door.step_name not in self.run.state.executions:
            self.run.state = self.run.state.with_execution(behind_door)
        return _cancelled_at(self.run.state)

    async def _stop(self, tasks: dict[str, StepTask]) -> None:
        """Cancel what runs, and wait until it has stopped.

        A run that was reset waits only a while for children: what one came to after its parent was terminated, nobody
        is told. An activity always ends, and until it has, Temporal takes its id for no other.
        """
        for task in tasks.values():
            task.cancel()
        info, places = temporal.info(), self.run.begun.plan.places
        is_told_all = info.run_id == info.first_execution_run_id or self.run.begun.revision < STOPS_ARE_BOUNDED
        children = [
            task
            for name, task in tasks.items()
            if not is_told_all and isinstance(places[name].step, PlannedWorkflow | PlannedMap)
        ]
        others = [task for task in tasks.values() if task not in children]
        await asyncio.gather(*others, return_exceptions=True)
        if children:
            with suppress(TimeoutError):
                await temporal.wait_condition(
                    lambda: all(task.done() for task in children),
                    timeout=STOP_PATIENCE,
                    timeout_summary="sub-workflows that are being stopped",
                )

    async def _record_end(self) -> WorkflowResult:
        run = self.run
        result = requests.carried(run.state.result)
        if run.begun.is_dry_run or run.is_ended:
            return result
        ended_as = await self._ended(result, run.told(**vars(run.unwritten)), ending(result))
        if ended_as is None:
            return result
        self._resumes.wanted = ended_as.resume
        return ended_as.recorded or result  # what is committed stands, whatever the run was told since

    async def _found_end(self, lost: Failed) -> WorkflowResult:
        """Return the end that the run has recorded; raise where it has none, and so is lost indeed.

        The transaction may be of an attempt whose answer was lost. The partition was free then, and by now another run
        may have it, or have sent the last pipeline's output back.
        """
        if self.run.begun.revision >= VERDICTS_RIDE:
            found = await self._ended(requests.carried(self.run.state.result), {"is_lost": True}, "looks for its end")
            if found is not None and found.recorded is not None:
                return found.recorded
        self._shown.show(lost.category)
        raise failures.lost(lost)

    async def _ended(self, result: WorkflowResult, told: Mapping[str, Any], summary: str) -> Ended | None:
        """Ask that the end be recorded; None in a history of an older worker."""
        request = requests.end_request(self.run.begun, self.run.key, result).model_copy(update=told)
        try:
            ended_as: Ended | None = await bookkeeping.record(END, request, Ended, summary, shown=self.run.details)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            failure = failures.failure_of(error)
            self._shown.show(str(failure.type))
            raise failure from error
        return ended_as


def _start_of(begun: Begun) -> Move:
    return start(begun.plan, requests.run_of(begun), begun.kept)


def _cancelled_at(state: State) -> Move:
    """Cancel the run; one whose last step has just completed has ended already, and so it finishes."""
    has_ended = state.status is not WorkflowStatus.RUNNING
    return (state, (Finish(),)) if has_ended else advance(state, Cancelled(at=temporal.now()))


def _lost_by(answer: Answer) -> Failed | None:
    """Return why the run may write nothing any more."""
    if isinstance(answer, Stretched):
        return answer.lost
    return answer if isinstance(answer, Failed) and failures.is_lost(answer) else None


def _completed_by(answer: Answer) -> Completed | Passed | Stretched | None:
    """Return what of an answer stands where the run has been cancelled meanwhile."""
    match answer:
        case Completed():
            return answer
        case Passed():
            return answer if isinstance(answer.pipeline, Completed) else None
        case Stretched():
            return Stretched(links=tuple(link for link in answer.links if link.done is not None))
    return None


def _answer_of(name: str, task: StepTask) -> Answer:
    """Return what a step's task came to; only one that we have stopped is a cancelled step."""
    failure = asyncio.CancelledError() if task.cancelled() else task.exception()
    return task.result() if failure is None else ended(name, failure, stopped=task.cancelling() > 0)
