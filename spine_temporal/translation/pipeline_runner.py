"""How a pipeline step is done on Temporal, and the gates before it, whose verdicts ride in its request."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from temporalio import workflow as temporal

from spine_temporal.definition.json_values import json_size
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.machine.door import Door
from spine_temporal.machine.evaluate import VALUE, Asked
from spine_temporal.machine.plan import PlannedPipeline
from spine_temporal.machine.step_outcome import Answered, Completed, Failed
from spine_temporal.translation import calls, failures, requests
from spine_temporal.translation.calls import Ran
from spine_temporal.translation.gate_messages import DoorVerdicts, Verdict
from spine_temporal.translation.live_run import LiveRun
from spine_temporal.translation.pipeline_messages import Ending, PipelineRequest, ShutDoor, StepDone
from spine_temporal.translation.revisions import TRIES_HEED_CANCELLATION, VERDICTS_RIDE
from spine_temporal.translation.riding import Riding, Unwritten, ask_door, measured_of
from spine_temporal.translation.step_code import StepCode
from spine_temporal.translation.step_messages import Link, StretchDone, StretchRequest
from spine_temporal.translation.stretch import ahead
from spine_temporal.translation.together import Together
from spine_temporal.translation.within_task import WithinTask


@dataclass(frozen=True, kw_only=True)
class Passed:
    """How the gates of a door have ended, and the pipeline behind it."""

    gates: tuple[Answered, ...]
    #: None: the door was not open.
    pipeline: Completed | Failed | None = None
    #: When the gates were asked.
    at: datetime
    #: Whether the pipeline's transaction has written what rode with its request.
    is_written: bool = False
    #: When the pipeline had ended for the run; None: now.
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Stretched:
    """How far the run has come within its workflow task: pipelines one behind another, and the gates before each."""

    links: tuple[Link, ...]

    @property
    def lost(self) -> Failed | None:
        """Why the run may write nothing any more; None: it may."""
        last = self.links[-1].outcome
        return last if isinstance(last, Failed) and failures.is_lost(last) else None


@dataclass(kw_only=True)
class PipelineRunner:
    """Does the pipelines of one run."""

    run: LiveRun
    code: StepCode
    _together: Together = field(default_factory=Together)
    _within: WithinTask = field(default_factory=WithinTask)

    async def do(self, step: PlannedPipeline, round_: int) -> Completed | Failed | ResumeOptions:
        """Run a pipeline that has no door."""
        if self.run.begun.is_dry_run:
            return Completed(step=step.name, output=step.sample_output)
        params = dict(step.params)
        if step.computed:
            value = await self.code.recorded(step, Asked.VALUE)
            if value.failed:
                return value.resume or value.outcome
            params = dict(value.output[VALUE])
        failure = self.run.state.failure
        if failure is not None:
            params = {"failure": vars(failure), **params}
        outcome = (await self._ran(step, round_, params)).outcome
        return outcome if isinstance(outcome, Failed) else outcome.resume or outcome

    async def go_through(self, door: Door) -> Passed | Failed | ResumeOptions:
        """Ask the gates, let what they answer ride in the pipeline's request, and go by what its activity tells.

        The code has only said what to tell the activity: it may say something else when the history is replayed. A
        ``Failed`` is one of a run that may write nothing any more.
        """
        at, step = temporal.now(), door.pipeline
        with self.run.at_door(step, at):
            ran = await self._ran(step, self._round(step.name), step.params, self._riding(door, at))
        if isinstance(ran.outcome, Failed):
            if failures.is_lost(ran.outcome):
                return ran.outcome
        elif ran.outcome.resume is not None:
            return ran.outcome.resume
        told = ran.door or await self._recorded(door, at)
        if told.verdicts[-1].resume is not None:
            return told.verdicts[-1].resume
        gates = [verdict.outcome.model_copy(update={"completed_at": at}) for verdict in told.verdicts]
        if told.is_open:
            written = not isinstance(ran.outcome, Failed) and ran.outcome.kept_from is None
            if not written:
                self._measure(gates)
            return Passed(gates=tuple(gates), pipeline=ran.outcome, at=at, is_written=written)
        if told.verdicts[-1].failed or told.verdicts[-1].missing:
            verdict = await self._asked_again(door, gates[:-1], at)
            if verdict.resume is not None:
                return verdict.resume
            gates[-1] = verdict.outcome.model_copy(update={"completed_at": temporal.now()})
        self._measure(gates)
        return Passed(gates=tuple(gates), at=at)

    async def stretch(self, step: str) -> Stretched | None:
        """Do what goes along from a step on; None where that is not two pipelines at least, or none was done."""
        pipelines = self._ahead(step)
        if len(pipelines) < 2:
            return None
        run, state, carried = self.run, self.run.state, self.run.unwritten.taken()
        told = run.told(**vars(carried), rounds=state.rounds, task_may_repeat=self._within.may_repeat())
        request = StretchRequest(
            key=run.key,
            step=step,
            begun=run.begun,
            executions=tuple(state.executions.values()),
            outputs=state.outputs,
            **{name: value for name, value in told.items() if name != "kept"},  # one that has any was reset
        )
        try:
            done = await calls.run_stretch(request, pipelines)
        finally:
            run.unwritten.put_back(carried)
        if calls.is_cancelled():
            if not done.links:
                raise asyncio.CancelledError
            if done.stopped is not None:
                run.runs_behind(done.stopped, temporal.now())
        return self.stretched(done)

    def stretched(self, done: StretchDone) -> Stretched | None:
        """Return how far a stretch has come; None where nothing was done. Keep what is to be tried again."""
        if done.again is not None:
            self._within.left(done.again, self._round(done.again), done.failed_once)
        return Stretched(links=done.links) if done.links else None

    def _ahead(self, step: str) -> tuple[PlannedPipeline, ...]:
        """Return the pipelines that go along; none where the run goes on from an earlier one, or ends with hooks.

        Whether the run was reset says nothing of it: what history holds of the time before is asked for again.
        """
        begun, state = self.run.begun, self.run.state
        if not begun.stretches or begun.kept or state.failure is not None:
            return ()
        found = list[PlannedPipeline]()
        for pipeline in ahead(state, step):
            if not self._within.has(pipeline, self._round(pipeline.name)):
                break
            found.append(pipeline)
        return tuple(found)

    def took(self, link: Link) -> Passed:
        """Keep what a pipeline of a stretch has done, as the run comes to it."""
        outcome, pipeline = link.outcome, link.outcome.step
        gates = tuple(
            verdict.outcome.model_copy(update={"completed_at": link.asked_at})
            for verdict in (link.door.verdicts if link.door is not None else ())
        )
        if link.is_written:
            self.run.unwritten.taken()
        else:
            self._measure(gates)
        if isinstance(outcome, StepDone):
            self._done(outcome, requests.execution_name(pipeline, self._round(pipeline)))
        return Passed(
            gates=gates, pipeline=outcome, at=link.asked_at, is_written=link.is_written, ended_at=link.ended_at
        )

    def _riding(self, door: Door, at: datetime) -> Riding:
        """Ask the gates; in a replay nobody, and nothing of it is sent."""
        return ask_door(
            door, self.run.state, self.run.begun, at, lambda gate, state: self.code.answer(gate, Asked.VERDICT, state)
        )

    async def _recorded(self, door: Door, at: datetime) -> DoorVerdicts:
        """Ask the gates, and record what each answers by itself: the activity has told nothing of them.

        An operator has failed it by hand, or a worker that knows no doors has run it.
        """
        state, verdicts = self.run.state, list[Verdict]()
        for gate in door.gates:
            verdicts.append(await self.code.recorded(gate, Asked.VERDICT, state=state))
            after = None if verdicts[-1].resume else door.passed(state, verdicts[-1].outcome, at)
            if after is None:
                return DoorVerdicts(verdicts=tuple(verdicts), is_open=False)
            state = after
        return DoorVerdicts(verdicts=tuple(verdicts))

    async def _asked_again(self, door: Door, before: list[Answered], at: datetime) -> Verdict:
        """Ask the gate that keeps the door shut again, and record that: a verdict of a failure is by itself final."""
        state = self.run.state
        for answer in before:
            state = door.passed(state, answer, at) or state
        return await self.code.recorded(door.gates[len(before)], Asked.VERDICT, state=state, is_shown=True)

    async def _ran(
        self, step: PlannedPipeline, round_: int, params: Mapping[str, Any], riding: Riding | None = None
    ) -> Ran:
        """Ask the activity of a pipeline; with it goes what no transaction has written yet."""
        carried = self.run.unwritten.taken()
        request = requests.pipeline_request(step, self.run.begun, self.run.key, params, round_=round_)
        beside = self.run.is_beside(step.name)
        local = not beside and self._within.has(step, round_)
        brief = step.brief and (beside or local)
        told = self.run.told(
            **vars(carried if riding is None else carried.with_(riding.unwritten)),
            is_brief=brief,
            task_may_repeat=local and self._within.may_repeat(),
            door=None if riding is None else riding.door,
            ending=self._ending(step, riding),
        )
        request, shut = self._within.after(request.model_copy(update=told)), None
        if riding is not None and not riding.door.is_open:
            shut = ShutDoor(key=request.key, step=step.name, door=riding.door)
        try:
            ran = await self._tried(request, shut, brief=brief, local=local)
            if isinstance(ran, PipelineRequest):
                ran = await calls.run_pipeline(ran, task_queue=step.task_queue, shut=shut)
        except BaseException:
            self.run.unwritten.put_back(carried)
            raise
        self._learn(ran, carried, requests.execution_name(step.name, round_))
        return ran

    async def _tried(
        self, request: PipelineRequest, shut: ShutDoor | None, *, brief: bool, local: bool
    ) -> Ran | PipelineRequest:
        """Try a pipeline within the workflow task or together with others; return the request if it goes on alone."""
        if local:
            ran = await calls.run_within_task(request, shut=shut)
            heeds = self.run.begun.revision >= TRIES_HEED_CANCELLATION
            if isinstance(ran, PipelineRequest) and heeds and calls.is_cancelled():
                raise asyncio.CancelledError
            return ran
        return await self._together.run(request) if brief else request

    def _learn(self, ran: Ran, carried: Unwritten, name: str) -> None:
        """Keep what the activity has done; what went with a request that wrote nothing goes with the next one."""
        outcome = ran.outcome
        was_shut = ran.door is not None and not ran.door.is_open
        if isinstance(outcome, Failed) or was_shut:
            self.run.unwritten.put_back(carried)
            return
        if outcome.kept_from is not None:
            self.run.unwritten.put_back(carried)
        self._done(outcome, name)

    def _done(self, outcome: StepDone, name: str) -> None:
        """Keep what a pipeline that is done tells of the run; ``name``: of the execution."""
        self.run.key = self.run.key.with_epoch(outcome.epoch)
        if outcome.resume is not None:
            return
        if outcome.kept_from is not None:
            self.run.keep(name, outcome.kept_from)
            return
        self.run.is_ended = outcome.is_end
        self.run.acknowledged.add(name)
        step = self.run.begun.plan.places[outcome.step].step
        if isinstance(step, PlannedPipeline) and step.brief:
            self._within.gave(json_size(dict(outcome.output)))
        if not outcome.is_found:
            self._within.has_come_further()

    def _ending(self, step: PlannedPipeline, riding: Riding | None) -> Ending | None:
        if temporal.unsafe.is_replaying() or (riding is not None and not riding.door.is_open):
            return None
        if self.run.begun.revision < VERDICTS_RIDE:
            return None
        state = self.run.state if riding is None else riding.state
        return requests.ending_of(self.run.begun, state, step, temporal.now())

    def _measure(self, answers: Sequence[Answered]) -> None:
        for answer in answers:
            self.run.unwritten.add(measured=measured_of(answer, self.run.state))

    def _round(self, step: str) -> int:
        return self.run.state.rounds.get(step, 0)
