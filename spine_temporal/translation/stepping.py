"""What the machine asks of its Temporal driver, one method per command."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from temporalio import workflow as temporal
from temporalio.exceptions import FailureError, is_cancelled_exception

from spine_temporal.definition.outcome import Decision, ItemCounts, WorkflowResult
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.evaluate import VALUE, Asked, Computing, Question, planned_items, there
from spine_temporal.machine.fan import Fan, ItemOutcome, counts_of, item_name, known, map_outcome
from spine_temporal.machine.plan import PlannedChoice, PlannedGate
from spine_temporal.machine.state import (
    Doing,
    Evaluate,
    Hold,
    RunMap,
    RunPipeline,
    RunWorkflow,
    State,
    Wait,
    WaitFor,
)
from spine_temporal.machine.step_outcome import StepOutcome
from spine_temporal.translation import calls, requests
from spine_temporal.translation.details import current_details
from spine_temporal.translation.guard import ask
from spine_temporal.translation.maps import BATCH, run_items
from spine_temporal.translation.messages import (
    DECIDE,
    Begun,
    Measured,
    Recorded,
    StageReached,
    WaitForRequest,
)

#: Seconds between two looks for code that this worker lacks.
MISSING_CODE_INTERVAL = 10
#: What is asked of a step's code, by the kind of the step: its verdict, and what it begins with.
_WHAT = {
    Asked.VERDICT: {"lambda": "gate", "choice": "choice"},
    Asked.VALUE: {"pipeline": "params of", "workflow": "params of", "map": "items of", "wait_for": "partitions of"},
}


@dataclass
class Unwritten:
    """What has come about and no transaction has written yet; the next one takes it along."""

    stages: tuple[StageReached, ...] = ()
    measured: tuple[Measured, ...] = ()

    def add(self, *, stages: tuple[StageReached, ...] = (), measured: tuple[Measured, ...] = ()) -> None:
        """Keep something until then."""
        self.stages += stages
        self.measured += measured

    def taken(self) -> "Unwritten":
        """Take all of it."""
        taken = Unwritten(self.stages, self.measured)
        self.stages, self.measured = (), ()
        return taken

    def put_back(self, taken: "Unwritten") -> None:
        """Keep what a transaction has not written after all."""
        self.stages = taken.stages + self.stages
        self.measured = taken.measured + self.measured


def _takes_over() -> bool:
    """Return whether the run that begins here has a history already; a start and its first task are three events."""
    return temporal.unsafe.is_replaying() or temporal.info().get_current_history_length() > 3


@dataclass(kw_only=True)
class Stepping:
    """Does the steps of one run. ``state`` is asked for whenever it is needed, as it moves on meanwhile."""

    spine: Workflow
    begun: Begun
    #: The run's identity; its epoch is a newer one where the run had to take its partition again.
    key: RunKey
    state: Callable[[], State]
    #: Tells the driver how far a map has come.
    progressed: Callable[[str, ItemCounts], None]
    #: What people have decided of held gates, by step.
    decisions: dict[str, Decision]
    #: Steps that have waited for partitions before in this history, also before the run went on otherwise.
    waited: set[str]
    unwritten: Unwritten = field(default_factory=Unwritten)
    #: Completed executions that history holds, and those of them that a decision has sent back; runs of sub-workflows
    #: whose end it holds: a database that has fewer was restored.
    acknowledged: set[str] = field(default_factory=set)
    sent_back: set[str] = field(default_factory=set)
    sub_runs: tuple[str, ...] = ()
    #: Whether this instance has taken the run over from another one, or begins it in a task that was begun before.
    _took_over: bool = field(default_factory=_takes_over)
    #: Events of the history at the first task of this instance that was not a replay.
    _live_since: int | None = None

    def told(self, **more: Any) -> dict[str, Any]:
        """Return what a request tells beside itself, and what the database must know; what is empty is left out."""
        known = {"acknowledged": len(self.acknowledged) + len(self.sent_back), "sub_runs": self.sub_runs}
        return {name: value for name, value in (known | more).items() if value}

    async def do(self, command: Doing) -> StepOutcome | Decision:  # noqa: PLR0911 - one for each kind
        """Do one command and return how the step ended, or what was decided of it."""
        match command:
            case RunPipeline():
                return await self._run_pipeline(command)
            case Evaluate():
                return await self._evaluate(command)
            case Wait():
                return await self._wait(command)
            case WaitFor():
                return await self._wait_for(command)
            case RunMap():
                return await self._run_map(command)
            case RunWorkflow():
                return await self._run_workflow(command)
            case Hold():
                return await self._hold(command)
        assert_never(command)

    async def _run_pipeline(self, command: RunPipeline) -> StepOutcome:
        step = command.step
        if self.begun.is_dry_run:
            return StepOutcome(step=step.name, output=step.sample_output)
        params = dict(step.params)
        if step.computed:
            value = await self._computed(step)
            if value.failed:
                return value
            params = dict(value.output[VALUE])
        failure = self.state().failure
        if failure is not None:
            params = {"failure": vars(failure), **params}
        carried = self.unwritten.taken()
        request = requests.pipeline_request(step, self.begun, self.key, params, repeated=command.round)
        local = step.local and not self._is_beside(step.name)
        told = self.told(**vars(carried), repeated=local and self._may_repeat())
        request = request.model_copy(update=told)
        try:
            outcome = await calls.run_pipeline(request, local=local)
        except BaseException:
            self.unwritten.put_back(carried)
            raise
        self.key = self.key.with_epoch(outcome.epoch)
        if outcome.failed:  # its transaction was rolled back, and what it carried with it
            self.unwritten.put_back(carried)
        elif outcome.kept_from is None and outcome.resume is None:
            self.acknowledged.add(requests.execution_name(step.name, command.round))
        return outcome

    async def _evaluate(self, command: Evaluate) -> StepOutcome:
        """Ask the gate, and go by the verdict that history holds: the code may have changed since."""
        step = command.step
        verdict = await self._recorded(step, Asked.VERDICT)
        if verdict.quality is not None and not self.begun.is_dry_run:
            again = self.state().rounds.get(step.name, 0)
            self.unwritten.add(measured=(Measured(step=step.name, round=again, quality=verdict.quality),))
        return verdict

    async def _computed(self, step: Computing) -> StepOutcome:
        """Ask the code what the step works with, and go by what history holds of the answer."""
        return await self._recorded(step, Asked.VALUE)

    async def _recorded(self, step: Computing | PlannedGate | PlannedChoice, asked: Asked) -> StepOutcome:
        name, what = step.name, _WHAT[asked][step.kind]
        beside = self._is_beside(name)
        is_shown = beside
        while True:
            verdict = requests.asked_of_reset(self._answer(step, asked), self.begun, temporal.info().run_id)
            recorded, has_failed = await calls.record_verdict(verdict, f"{what} {name}", beside=beside)
            if has_failed and not is_shown:
                # Once it is shown it is asked again, and that counts: so a run that is reset to before its last
                # workflow task asks the code as it is then, which may have been mended.
                await calls.show_failure(recorded, f"{what} {name}")
                is_shown = True
            elif not recorded.missing:
                return recorded
            else:
                waiting = f"a worker whose {self.spine.name!r} has the {step.kind} step {name!r}"
                temporal.set_current_details(current_details(self.state(), waiting))
                await temporal.sleep(MISSING_CODE_INTERVAL, summary=f"no code for step {name}")

    def _answer(self, step: Computing | PlannedGate | PlannedChoice, asked: Asked) -> StepOutcome:
        """Ask the code; in a replay nobody, as history has the answer. Where it has none yet, it is asked again."""
        if temporal.unsafe.is_replaying():
            return StepOutcome(step=step.name, missing=True)
        context = self.state().context_of(step.name)
        return ask(Question(asked=asked, step=step, context=context), self.spine)

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
        return self.begun.plan.places[name].parallel is not None

    async def _wait(self, command: Wait) -> StepOutcome:
        step, began = command.step, temporal.now()
        left = 0.0 if self.begun.is_dry_run else step.left(began)
        if left > 0:
            await temporal.sleep(left, summary=f"{step.name}: waits {left:.0f} s")
        return StepOutcome(step=step.name, started_at=began, completed_at=temporal.now())

    async def _wait_for(self, command: WaitFor) -> StepOutcome:
        step = command.step
        partitions = step.partitions
        if partitions is None:
            value = await self._computed(step)
            if value.failed:
                return value
            partitions = tuple(value.output[VALUE])
        if self.begun.is_dry_run:
            return there(step, partitions)
        again = step.name in self.waited
        self.waited.add(step.name)
        return await calls.wait_for(
            step, WaitForRequest(workflow=step.workflow, partitions=partitions, reached=step.reached), again=again
        )

    async def _run_workflow(self, command: RunWorkflow) -> StepOutcome:
        step, began = command.step, temporal.now()
        params = dict(step.params)
        if step.computed:
            value = await self._computed(step)
            if value.failed:
                return value
            params = dict(value.output[VALUE])
        params = {**known(self.begun.params, step.known_params), **params}
        name = f"{step.name}#{command.round}" if command.round else step.name
        answer = await calls.run_workflow(name, self.begun, step.workflow, params)
        if isinstance(answer, WorkflowResult):
            self.sub_runs += () if self.begun.is_dry_run else (answer.run_id,)
            return StepOutcome(step=step.name, output=dict(answer.outputs), started_at=began)
        return answer.model_copy(update={"step": step.name, "attempt": 1})

    async def _run_map(self, command: RunMap) -> StepOutcome:
        step = command.step
        context = self.state().context_of(step.name)
        found = await self._computed(step) if step.computed else planned_items(self.begun.plan, step, context)
        if found.failed or found.resume is not None:
            return found
        items = tuple(found.output[VALUE])
        whole = requests.batch_of(step, self.begun, self.key, items, command.round)
        total, tolerated = len(items), whole.tolerated
        if total <= BATCH:

            def progressed(fan: Fan) -> None:
                self.progressed(step.name, counts_of(total, fan.outcomes))

            ended_items = await run_items(whole, progressed)
            self._acknowledge(command, ended_items)
            return map_outcome(step, total, ended_items)
        outcomes: dict[int, ItemOutcome] = {}
        for first in range(0, total, BATCH):
            left = None if tolerated is None else tolerated - counts_of(total, outcomes).failed
            part = whole.model_copy(update={"first": first, "items": items[first : first + BATCH], "tolerated": left})
            outcomes.update((await calls.run_batch(part)).outcomes)
            counts = counts_of(total, outcomes)
            self.progressed(step.name, counts)
            if tolerated is not None and counts.failed > tolerated:
                break
        self._acknowledge(command, outcomes)
        return map_outcome(step, total, outcomes)

    def _acknowledge(self, command: RunMap, outcomes: Mapping[int, ItemOutcome]) -> None:
        """Count the items that are executions of this run."""
        if command.step.pipeline is None or self.begun.is_dry_run:
            return
        done = [index for index, item in outcomes.items() if item.error is None and item.kept_from is None]
        name = command.step.name
        self.acknowledged.update(requests.execution_name(item_name(name, index), command.round) for index in done)

    async def _hold(self, command: Hold) -> Decision:
        """Record that the gate is held, wait for a person or the deadline, and record the decision."""
        step = command.step
        self.decisions.pop(step.name, None)
        carried = self.unwritten.taken()
        held = requests.hold_request(self.key, command)
        held = held.model_copy(update=self.told(measured=carried.measured))
        self.unwritten.add(stages=carried.stages)
        try:
            self._renew(await calls.record_hold(held))
        except BaseException:
            self.unwritten.add(measured=carried.measured)
            raise
        try:
            await temporal.wait_condition(
                lambda: step.name in self.decisions,
                timeout=step.deadline,
                timeout_summary=f"{step.name}: the deadline of a held gate",
            )
        except TimeoutError:
            # Kept like a person's, so that none is accepted while this one is being recorded.
            self.decisions[step.name] = Decision(
                action=step.at_deadline,
                by="deadline",
                reason=f"nobody decided within {step.deadline:.12g} s",
                at=temporal.now(),
            )
        decision = self.decisions[step.name]
        sent_back = requests.sent_back(self.state(), step.name, decision)
        decided = requests.hold_request(self.key, command)
        decided = decided.model_copy(update=self.told(decision=decision, sent_back=sent_back))
        self._renew(await calls.record(DECIDE, decided, Recorded, f"{step.name}: {decision}", beside=True))
        self.sent_back.update(one for one in self.acknowledged if requests.step_of(one) in sent_back)
        return decision

    def _renew(self, recorded: Recorded | None) -> None:
        """Go on under the epoch that the run has by now; histories of before say nothing of it."""
        self.key = self.key.with_epoch(recorded.epoch if recorded is not None else None)


def ended(name: str, failure: BaseException, *, stopped: bool) -> StepOutcome:
    """Return the outcome of a step whose task has raised: as we have ``stopped`` it, or as it failed."""
    if stopped and is_cancelled_exception(failure):
        return StepOutcome(step=name, cancelled=True)
    if isinstance(failure, FailureError):
        return requests.failed_outcome(name, failure)
    raise failure
