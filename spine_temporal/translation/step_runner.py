"""How each kind of step is done on Temporal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from temporalio import workflow as temporal
from temporalio.exceptions import FailureError, is_cancelled_exception

from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.run_result import Decision, WorkflowResult
from spine_temporal.machine.door import door_of
from spine_temporal.machine.evaluate import VALUE, Asked, planned_items, there
from spine_temporal.machine.fan import Fan, ItemOutcome, counts_of, item_name, known, map_outcome
from spine_temporal.machine.plan import (
    PlannedChoice,
    PlannedGate,
    PlannedMap,
    PlannedPipeline,
    PlannedWait,
    PlannedWaitFor,
    PlannedWorkflow,
)
from spine_temporal.machine.state import Doing, Hold
from spine_temporal.machine.step_outcome import Answered, Cancelled, Completed, Failed, StepOutcome
from spine_temporal.translation import calls, failures, requests
from spine_temporal.translation.gate_hold import GateHold
from spine_temporal.translation.live_run import LiveRun
from spine_temporal.translation.maps import BATCH, run_items
from spine_temporal.translation.messages import Measured, WaitForRequest
from spine_temporal.translation.pipeline_runner import Passed, PipelineRunner, Stretched
from spine_temporal.translation.revisions import LOOKS_ARE_NUMBERED, VERDICTS_RIDE
from spine_temporal.translation.step_code import StepCode

#: What a step's task comes to: how the step ended, what was decided of it, or how the run is to go on otherwise.
Answer = StepOutcome | Decision | ResumeOptions | Passed | Stretched


@dataclass(kw_only=True)
class StepRunner:
    """Does the steps of one run."""

    run: LiveRun
    code: StepCode
    pipelines: PipelineRunner

    @classmethod
    def of(cls, run: LiveRun) -> "StepRunner":
        """Return who does the steps of this run."""
        code = StepCode(run=run)
        return cls(run=run, code=code, pipelines=PipelineRunner(run=run, code=code))

    async def do(self, command: Doing) -> Answer:  # noqa: PLR0911 - one for each kind
        """Do one command and return what came of it."""
        if isinstance(command, Hold):
            return await GateHold(run=self.run, command=command).decided()
        match command.step:
            case PlannedPipeline() as step:
                return await self.pipelines.stretch(step.name) or await self.pipelines.do(step, command.round)
            case PlannedGate() | PlannedChoice() as step:
                return await self._evaluate(step, command.round)
            case PlannedWait() as step:
                return await self._wait(step)
            case PlannedWaitFor() as step:
                return await self._wait_for(step)
            case PlannedMap() as step:
                return await self._run_map(step, command.round)
            case PlannedWorkflow() as step:
                return await self._run_workflow(step, command.round)
        assert_never(command.step)

    async def _evaluate(self, step: PlannedGate | PlannedChoice, round_: int) -> Answer:
        door = door_of(self.run.state, step.name) if self.run.begun.revision >= VERDICTS_RIDE else None
        if door is not None:
            return await self.pipelines.stretch(step.name) or await self.pipelines.go_through(door)
        verdict = await self.code.recorded(step, Asked.VERDICT)
        if verdict.resume is not None:
            return verdict.resume
        if verdict.quality is not None and not self.run.begun.is_dry_run:
            self.run.unwritten.add(measured=(Measured(step=step.name, round=round_, quality=verdict.quality),))
        return verdict.outcome

    async def _wait(self, step: PlannedWait) -> Completed:
        began = temporal.now()
        left = 0.0 if self.run.begun.is_dry_run else step.left(began)
        if left > 0:
            await temporal.sleep(left, summary=f"{step.name}: waits {left:.0f} s")
        return Completed(step=step.name, started_at=began, completed_at=temporal.now())

    async def _wait_for(self, step: PlannedWaitFor) -> Answer:
        partitions = step.partitions
        if partitions is None:
            value = await self.code.recorded(step, Asked.VALUE)
            if value.failed:
                return value.resume or value.outcome
            partitions = tuple(value.output[VALUE])
        if self.run.begun.is_dry_run:
            return there(step, partitions)
        request = WaitForRequest(workflow=step.workflow, partitions=partitions, reached=step.reached)
        is_looked_at = step.name in self.run.looked_at and self.run.begun.revision >= LOOKS_ARE_NUMBERED
        self.run.looked_at.add(step.name)
        outcome = await calls.wait_for(step, request, is_under_way=is_looked_at)
        self.run.looked_at.discard(step.name)
        return outcome

    async def _run_workflow(self, step: PlannedWorkflow, round_: int) -> Answer:
        began = temporal.now()
        params = dict(step.params)
        if step.computed:
            value = await self.code.recorded(step, Asked.VALUE)
            if value.failed:
                return value.resume or value.outcome
            params = dict(value.output[VALUE])
        params = {**known(self.run.begun.params, step.known_params), **params}
        name = f"{step.name}#{round_}" if round_ else step.name
        answer = await calls.run_workflow(name, self.run.begun, step, params)
        if isinstance(answer, WorkflowResult):
            self.run.sub_runs += () if self.run.begun.is_dry_run else (answer.run_id,)
            return Completed(step=step.name, output=dict(answer.outputs), started_at=began)
        return answer.model_copy(update={"step": step.name, "attempt": 1})

    async def _run_map(self, step: PlannedMap, round_: int) -> Answer:
        found = await self._items(step)
        if not isinstance(found, Completed):
            return found
        items = tuple(found.output[VALUE])
        whole = requests.batch_of(step, self.run.begun, self.run.key, items, round_)
        total, tolerated = len(items), whole.tolerated
        if total <= BATCH:

            def progressed(fan: Fan) -> None:
                self.run.progressed(step.name, counts_of(total, fan.outcomes))

            ended_items = (await run_items(whole, progressed)).outcomes
            self._acknowledge(step, round_, ended_items)
            return map_outcome(step, total, ended_items)
        outcomes, known = dict[int, ItemOutcome](), dict[str, float]()
        for first in range(0, total, BATCH):
            left = None if tolerated is None else tolerated - counts_of(total, outcomes).failed
            part = {"first": first, "items": items[first : first + BATCH], "tolerated": left, **known}
            ended_part = await calls.run_batch(whole.model_copy(update=part))
            outcomes.update(ended_part.outcomes)
            known = {} if ended_part.pace is None else {"pace": ended_part.pace}
            counts = counts_of(total, outcomes)
            self.run.progressed(step.name, counts)
            if tolerated is not None and counts.failed > tolerated:
                break
        self._acknowledge(step, round_, outcomes)
        return map_outcome(step, total, outcomes)

    async def _items(self, step: PlannedMap) -> Answered | ResumeOptions:
        if step.computed:
            value = await self.code.recorded(step, Asked.VALUE)
            return value.resume or value.outcome
        return planned_items(self.run.begun.plan, step, self.run.state.context_of(step.name))

    def _acknowledge(self, step: PlannedMap, round_: int, outcomes: Mapping[int, ItemOutcome]) -> None:
        """Count the items that are executions of this run, and those of others that are kept."""
        if step.pipeline is None or self.run.begun.is_dry_run:
            return
        for index, item in outcomes.items():
            name = requests.execution_name(item_name(step.name, index), round_)
            if item.kept_from is not None:
                self.run.keep(name, item.kept_from)
            elif item.error is None:
                self.run.acknowledged.add(name)


def ended(name: str, failure: BaseException, *, stopped: bool) -> Cancelled | Failed:
    """Return the outcome of a step whose task has raised: as we have ``stopped`` it, or as it failed."""
    if stopped and is_cancelled_exception(failure):
        return Cancelled(step=name)
    if isinstance(failure, FailureError):
        return failures.failed_outcome(name, failure)
    raise failure
