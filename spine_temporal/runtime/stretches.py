"""Stretches: pipelines one behind another within one activity, each an attempt of its own, and the gates between."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from temporalio import activity

from spine_temporal.definition.json_values import json_size
from spine_temporal.machine.door import Door
from spine_temporal.machine.evaluate import Asked, Question
from spine_temporal.machine.machine import start
from spine_temporal.machine.plan import PlannedGate, PlannedPipeline
from spine_temporal.machine.state import Do, State
from spine_temporal.machine.step_outcome import Answered, Failed
from spine_temporal.runtime.brief_steps import BriefSteps
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.in_turn import BYTES, SECONDS, ended_of
from spine_temporal.runtime.log_context import working_on_one
from spine_temporal.runtime.processes.gate_processes import GateProcesses, RunGates
from spine_temporal.translation import requests
from spine_temporal.translation.messages import STRETCH, BeginRequest, Begun
from spine_temporal.translation.pipeline_messages import FailedOnce, PipelineRequest, StepDone
from spine_temporal.translation.riding import Riding
from spine_temporal.translation.step_messages import BegunAhead, StretchDone, StretchRequest
from spine_temporal.translation.stretch import Stretch

Run = Callable[[PipelineRequest], Awaitable[StepDone]]


class Stretches:
    """Does the stretches of a worker's runs."""

    def __init__(
        self, runs: Mapping[str, Run], definitions: Definitions, gates: GateProcesses, brief: BriefSteps
    ) -> None:
        """``runs`` does a step of each pipeline, by its name."""
        self._runs = runs
        self._definitions = definitions
        self._gates = gates
        self._brief = brief

    @activity.defn(name=STRETCH)
    async def stretch(self, request: StretchRequest) -> StretchDone:
        """Do a stretch; nothing of it for a run that was reset, as each of its steps may have to ask why."""
        if request.key.was_reset:
            return StretchDone()
        return await self._done(request, lambda _: True)

    async def ahead(self, request: BeginRequest, begun: Begun) -> Begun:
        """Go on with a run that has just begun, as far as its steps are known to take moments.

        Nobody can cancel what begins a run, and so it must not last. What was tried before is left to the run, and
        one that was cancelled before it begins ends at once.
        """
        info = activity.info()
        state, commands = start(begun.plan, requests.run_of(begun))
        first = next((command.step.name for command in commands if isinstance(command, Do)), None)
        is_first = info.is_local and info.attempt == 1 and not request.was_reset
        may = begun.stretches and is_first and not request.is_cancelled
        if not may or first is None or begun.is_dry_run or begun.earlier is not None or begun.kept:
            return begun
        asked = StretchRequest(
            key=begun.key(request.workflow_id, request.run_id),
            step=first,
            begun=begun,
            executions=tuple(state.executions.values()),
            task_may_repeat=request.task_may_repeat,
        )
        done = await self._done(asked, lambda step: step.brief or self._brief.knows(request.workflow, step.name))
        return BegunAhead.of(begun, done) if done.links or done.again else begun

    async def _done(self, request: StretchRequest, may: Callable[[PlannedPipeline], bool]) -> StretchDone:
        """Go on for as long as there is time and every door is open. What was done stands where it is cancelled.

        A gate that does not let the run pass is left to the run, which asks it again and records that.
        """
        stretch, gates = Stretch(request), self._gates_of(request)
        began, size = time.monotonic(), 0
        while (door := stretch.door) is not None and door.pipeline.pipeline in self._runs and may(door.pipeline):
            at, name = datetime.now(UTC), door.pipeline.name
            try:
                riding = await _asked(stretch, door, at, gates)
                if not riding.door.is_open:
                    break
                step = stretch.request(door, riding, at)
                with working_on_one(step):
                    ended = await ended_of(name, self._runs[step.pipeline](step))
            except asyncio.CancelledError:
                return StretchDone(links=tuple(stretch.links), stopped=name)
            if not isinstance(ended, StepDone | Failed):
                once = ended if isinstance(ended, FailedOnce) else None
                return StretchDone(links=tuple(stretch.links), again=name, failed_once=once)
            stretch.ended(riding, at, ended)
            if isinstance(ended, StepDone):
                size += json_size(dict(ended.output))
            if size > BYTES or time.monotonic() - began > SECONDS:
                break
        return StretchDone(links=tuple(stretch.links))

    def _gates_of(self, request: StretchRequest) -> RunGates:
        source = self._definitions.workflows[request.key.workflow][1]
        return self._gates.of(source, request.key.run_id)


async def _asked(stretch: Stretch, door: Door, at: datetime, gates: RunGates) -> Riding:
    """Ask the gates of a door, whose answers a thread waits for."""

    def ask(gate: PlannedGate, state: State) -> Answered | None:
        return gates.answer(Question(asked=Asked.VERDICT, step=gate, context=state.context_of(gate.name)))

    gates.begin()
    return await asyncio.to_thread(stretch.riding, door, at, ask) if door.gates else stretch.riding(door, at, ask)
