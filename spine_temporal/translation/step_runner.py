"""How each kind of step is done on Temporal, and how a gate is held."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from temporalio import workflow as temporal
from temporalio.exceptions import FailureError, is_cancelled_exception

from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.run_result import Decision, WorkflowResult
from spine_temporal.machine.evaluate import VALUE, Asked, Computing, Question, planned_items, there
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
from spine_temporal.translation import bookkeeping, calls, failures, requests
from spine_temporal.translation.guard import ask
from spine_temporal.translation.live_run import LiveRun
from spine_temporal.translation.maps import BATCH, run_items
from spine_temporal.translation.messages import DECIDE, Measured, Recorded, Verdict, WaitForRequest
from spine_temporal.translation.revisions import LOOKS_ARE_NUMBERED
from spine_temporal.translation.waiting import MissingCode

#: Seconds between two looks for code that this worker lacks.
MISSING_CODE_INTERVAL = 10
#: What is asked of a step's code, by the kind of the step: its verdict, and what it begins with.
_WHAT = {
    Asked.VERDICT: {"lambda": "gate", "choice": "choice"},
    Asked.VALUE: {"pipeline": "params of", "workflow": "params of", "map": "items of", "wait_for": "partitions of"},
}

#: What a step's task comes to: how the step ended, what was decided of it, or how the run is to go on otherwise.
Answer = StepOutcome | Decision | ResumeOptions


def _takes_over() -> bool:
    """Return whether the run that begins here has a history already; a start and its first task are three events."""
    return temporal.unsafe.is_replaying() or temporal.info().get_current_history_length() > 3


@dataclass(kw_only=True)
class StepRunner:
    """Does the steps of one run."""

    run: LiveRun
    #: Whether this instance has taken the run over from another one, or begins it in a task that was begun before.
    _took_over: bool = field(default_factory=_takes_over)
    #: Events of the history at the first task of this instance that was not a replay.
    _live_since: int | None = None

    async def do(self, command: Doing) -> Answer:  # noqa: PLR0911 - one for each kind
        """Do one command and return what came of it."""
        if isinstance(command, Hold):
            return await self._hold(command)
        match command.step:
            case PlannedPipeline() as step:
                return await self._run_pipeline(step, command.round)
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

    async def _run_pipeline(self, step: PlannedPipeline, round_: int) -> Answer:
        if self.run.begun.is_dry_run:
            return Completed(step=step.name, output=step.sample_output)
        params = dict(step.params)
        if step.computed:
            value = await self._recorded(step, Asked.VALUE)
            if value.failed:
                return value.resume or value.outcome
            params = dict(value.output[VALUE])
        failure = self.run.state.failure
        if failure is not None:
            params = {"failure": vars(failure), **params}
        carried = self.run.unwritten.taken()
        request = requests.pipeline_request(step, self.run.begun, self.run.key, params, round_=round_)
        local = step.local and not self._is_beside(step.name)
        told = self.run.told(**vars(carried), task_may_repeat=local and self._may_repeat())
        request = request.model_copy(update=told)
        try:
            outcome = await calls.run_pipeline(request, local=local)
        except BaseException:
            self.run.unwritten.put_back(carried)
            raise
        if isinstance(outcome, Failed):  # its transaction was rolled back, and what it carried with it
            self.run.unwritten.put_back(carried)
            return outcome
        self.run.key = self.run.key.with_epoch(outcome.epoch)
        if outcome.resume is not None:
            return outcome.resume
        if outcome.kept_from is None:
            self.run.acknowledged.add(requests.execution_name(step.name, round_))
        return outcome

    async def _evaluate(self, step: PlannedGate | PlannedChoice, round_: int) -> Answer:
        verdict = await self._recorded(step, Asked.VERDICT)
        if verdict.resume is not None:
            return verdict.resume
        if verdict.quality is not None and not self.run.begun.is_dry_run:
            self.run.unwritten.add(measured=(Measured(step=step.name, round=round_, quality=verdict.quality),))
        return verdict.outcome

    async def _recorded(self, step: Computing | PlannedGate | PlannedChoice, asked: Asked) -> Verdict:
        """Ask the step's code, and go by the answer that history holds: the code may have changed since."""
        name, what = step.name, _WHAT[asked][step.kind]
        beside = self._is_beside(name)
        is_shown = beside
        while True:
            verdict = Verdict.of(
                name, self._answer(step, asked), reset_of=requests.reset_of(self.run.begun, temporal.info().run_id)
            )
            recorded, has_failed = await bookkeeping.record_verdict(
                verdict, f"{what} {name}", beside=beside, shown=self.run.details
            )
            if has_failed and not is_shown:
                # Once it is shown it is asked again, and that counts: so a run that is reset to before its last
                # workflow task asks the code as it is then, which may have been mended.
                await bookkeeping.show_failure(recorded, f"{what} {name}")
                is_shown = True
            elif not recorded.missing:
                return recorded
            else:
                missing = MissingCode(step=name, step_kind=step.kind, workflow=self.run.spine.name)
                with self.run.details.during(missing):
                    await temporal.sleep(MISSING_CODE_INTERVAL, summary=f"no code for step {name}")

    def _answer(self, step: Computing | PlannedGate | PlannedChoice, asked: Asked) -> Answered | None:
        """Ask the code; in a replay nobody, as the history has the answer. If it has none, the caller asks again."""
        if temporal.unsafe.is_replaying():
            return None
        context = self.run.state.context_of(step.name)
        return ask(Question(asked=asked, step=step, context=context), self.run.spine)

    def _may_repeat(self) -> bool:
        """Whether this workflow task may have been begun before; where it may, the activity asks Temporal."""
        if not self._took_over or temporal.unsafe.is_replaying():
            return False
        length = temporal.info().get_current_history_length()
        if self._live_since is None:
            self._live_since = length
        return length == self._live_since

    def _is_beside(self, name: str) -> bool:
        """Whether others may run at the same time."""
        return self.run.begun.plan.places[name].parallel is not None

    async def _wait(self, step: PlannedWait) -> Completed:
        began = temporal.now()
        left = 0.0 if self.run.begun.is_dry_run else step.left(began)
        if left > 0:
            await temporal.sleep(left, summary=f"{step.name}: waits {left:.0f} s")
        return Completed(step=step.name, started_at=began, completed_at=temporal.now())

    async def _wait_for(self, step: PlannedWaitFor) -> Answer:
        partitions = step.partitions
        if partitions is None:
            value = await self._recorded(step, Asked.VALUE)
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
            value = await self._recorded(step, Asked.VALUE)
            if value.failed:
                return value.resume or value.outcome
            params = dict(value.output[VALUE])
        params = {**known(self.run.begun.params, step.known_params), **params}
        name = f"{step.name}#{round_}" if round_ else step.name
        answer = await calls.run_workflow(name, self.run.begun, step.workflow, params)
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

            ended_items = await run_items(whole, progressed)
            self._acknowledge(step, round_, ended_items)
            return map_outcome(step, total, ended_items)
        outcomes: dict[int, ItemOutcome] = {}
        for first in range(0, total, BATCH):
            left = None if tolerated is None else tolerated - counts_of(total, outcomes).failed
            part = whole.model_copy(update={"first": first, "items": items[first : first + BATCH], "tolerated": left})
            outcomes.update((await calls.run_batch(part)).outcomes)
            counts = counts_of(total, outcomes)
            self.run.progressed(step.name, counts)
            if tolerated is not None and counts.failed > tolerated:
                break
        self._acknowledge(step, round_, outcomes)
        return map_outcome(step, total, outcomes)

    async def _items(self, step: PlannedMap) -> Answered | ResumeOptions:
        if step.computed:
            value = await self._recorded(step, Asked.VALUE)
            return value.resume or value.outcome
        return planned_items(self.run.begun.plan, step, self.run.state.context_of(step.name))

    def _acknowledge(self, step: PlannedMap, round_: int, outcomes: Mapping[int, ItemOutcome]) -> None:
        """Count the items that are executions of this run."""
        if step.pipeline is None or self.run.begun.is_dry_run:
            return
        done = [index for index, item in outcomes.items() if item.error is None and item.kept_from is None]
        names = [requests.execution_name(item_name(step.name, index), round_) for index in done]
        self.run.acknowledged.update(names)

    async def _hold(self, command: Hold) -> Decision:
        """Record that the gate is held, wait for a person or the deadline, and record the decision."""
        step = command.step
        self.run.decisions.pop(step.name, None)
        carried = self.run.unwritten.taken()
        held = requests.hold_request(self.run.key, command)
        held = held.model_copy(update=self.run.told(measured=carried.measured))
        self.run.unwritten.add(stages=carried.stages)
        try:
            self._renew(await bookkeeping.record_hold(held))
        except BaseException:
            self.run.unwritten.add(measured=carried.measured)
            raise
        try:
            await temporal.wait_condition(
                lambda: step.name in self.run.decisions,
                timeout=step.deadline,
                timeout_summary=f"{step.name}: the deadline of a held gate",
            )
        except TimeoutError:
            # Kept like a person's, so that none is accepted while this one is being recorded.
            self.run.decisions[step.name] = Decision(
                action=step.at_deadline,
                by="deadline",
                reason=f"nobody decided within {step.deadline:.12g} s",
                at=temporal.now(),
            )
        decision = self.run.decisions[step.name]
        sent_back = requests.sent_back(self.run.state, step.name, decision)
        decided = requests.hold_request(self.run.key, command)
        decided = decided.model_copy(update=self.run.told(decision=decision, sent_back=sent_back))
        self._renew(await bookkeeping.record_patiently(DECIDE, decided, Recorded, f"{step.name}: {decision}"))
        self.run.sent_back.update(one for one in self.run.acknowledged if requests.step_of(one) in sent_back)
        return decision

    def _renew(self, recorded: Recorded | None) -> None:
        """Go on under the epoch that the run has by now; histories of before say nothing of it."""
        self.run.key = self.run.key.with_epoch(recorded.epoch if recorded is not None else None)


def ended(name: str, failure: BaseException, *, stopped: bool) -> Cancelled | Failed:
    """Return the outcome of a step whose task has raised: as we have ``stopped`` it, or as it failed."""
    if stopped and is_cancelled_exception(failure):
        return Cancelled(step=name)
    if isinstance(failure, FailureError):
        return failures.failed_outcome(name, failure)
    raise failure
