"""How a gate is held: recorded, waited for, made heard, decided, and that recorded as well."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from temporalio import workflow as temporal

from spine_temporal.definition.run_result import Decision
from spine_temporal.machine.alarms import Alarm, AlarmKind, alarms_of
from spine_temporal.machine.state import Hold
from spine_temporal.translation import bookkeeping, requests
from spine_temporal.translation.gate_messages import HoldRequest
from spine_temporal.translation.live_run import LiveRun
from spine_temporal.translation.messages import DECIDE, REMIND, Recorded

_SUMMARIES = {
    AlarmKind.DEADLINE: "the deadline of a held gate",
    AlarmKind.REMINDER: "reminds of a held gate",
    AlarmKind.ESCALATED: "escalates a held gate",
}


@dataclass(kw_only=True)
class GateHold:
    """One gate of a run that is held, in one round."""

    run: LiveRun
    command: Hold

    async def decided(self) -> Decision:
        """Record that the gate is held, wait for people or the deadline, and record the decision."""
        run, step = self.run, self.command.step
        run.decisions.pop(step.name, None)
        run.proposals.pop(step.name, None)
        await self._record_hold()
        decision = await self._awaited()
        sent_back = requests.sent_back(run.state, step.name, decision)
        request = self._request(decision=decision, sent_back=sent_back, only_ends=self._only_ends(decision))
        with run.going_on(step.name, decision):
            await self._record(DECIDE, request, f"{step.name}: {decision}")
        run.sent_back.update(one for one in run.acknowledged if requests.step_of(one) in sent_back)
        return decision

    def _only_ends(self, decision: Decision) -> bool:
        is_alone = not self.run.is_beside(self.command.step.name)
        return decision.action == "abort" and is_alone and not self.run.begun.plan.on_failure

    async def _record_hold(self) -> None:
        carried = self.run.unwritten.taken()
        held = self._request(measured=carried.measured, is_beside=self.run.is_beside(self.command.step.name))
        self.run.unwritten.add(stages=carried.stages)
        try:
            self.run.renew(await bookkeeping.record_hold(held))
        except BaseException:
            self.run.unwritten.add(measured=carried.measured)
            raise

    async def _awaited(self) -> Decision:
        """Wait until it is decided; what the first of two people decides, and each alarm, is recorded meanwhile."""
        name, began, alarms = self.command.step.name, temporal.now(), alarms_of(self.command.step)
        alarm, recorded = next(alarms, None), 0
        while name not in self.run.decisions:
            if not await self._heard(alarm, began, recorded):
                if alarm is not None and alarm.kind is AlarmKind.DEADLINE:
                    # Kept like a person's, so that none is accepted while this one is being recorded.
                    self.run.decisions[name] = self._of_deadline()
                    break
                alarm = await self._raise(alarm, alarms)
            elif name not in self.run.decisions:
                recorded = len(self.run.proposals.get(name, ()))
                await self._record(DECIDE, self._request(), f"{name}: waits for a second person")
        return self.run.decisions[name]

    async def _heard(self, alarm: Alarm | None, began: datetime, recorded: int) -> bool:
        """Wait for a person; False where the alarm comes first."""
        name = self.command.step.name
        left = None if alarm is None else alarm.after - (temporal.now() - began).total_seconds()
        if left is not None and left <= 0:
            return False
        try:
            await temporal.wait_condition(
                lambda: name in self.run.decisions or len(self.run.proposals.get(name, ())) > recorded,
                timeout=left,
                timeout_summary=f"{name}: {_SUMMARIES[alarm.kind]}" if alarm else None,
            )
        except TimeoutError:
            return False
        return True

    async def _raise(self, alarm: Alarm | None, alarms: Iterator[Alarm]) -> Alarm | None:
        """Make the hold heard; return the next alarm."""
        if alarm is not None:
            told = self._request(alarm=alarm.kind.value, waited=alarm.after)
            await self._record(REMIND, told, f"{self.command.step.name}: {alarm.kind.value}")
        return next(alarms, None)

    def _of_deadline(self) -> Decision:
        step = self.command.step
        return Decision(
            action=step.at_deadline,
            by="deadline",
            reason=f"nobody decided within {step.deadline:.12g} s",
            at=temporal.now(),
        )

    async def _record(self, activity: str, request: HoldRequest, summary: str) -> None:
        self.run.renew(await bookkeeping.record_patiently(activity, request, Recorded, summary))

    def _request(self, **more: object) -> HoldRequest:
        proposals = tuple(self.run.proposals.get(self.command.step.name, ()))
        request = requests.hold_request(self.run.key, self.command)
        return request.model_copy(update=self.run.told(proposals=proposals, **more))
