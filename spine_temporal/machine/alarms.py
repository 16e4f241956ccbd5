"""When a held gate makes itself heard: reminders, an escalation, the deadline. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from spine_temporal.machine.plan import PlannedGate

#: Reminders of one hold: each is some events of a history that is bounded.
MOST_REMINDERS = 100


class AlarmKind(StrEnum):
    """What a held gate does when a time has come."""

    REMINDER = "reminder"
    ESCALATED = "escalated"
    DEADLINE = "deadline"


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One time, in seconds from when the gate was held."""

    after: float
    kind: AlarmKind


def alarms_of(gate: PlannedGate) -> Iterator[Alarm]:
    """Give a gate's alarms in the order of their times; none after its deadline."""
    remind = gate.approval.remind if gate.approval else None
    escalate = gate.approval.escalate if gate.approval else None
    alarms = [Alarm(after=remind * n, kind=AlarmKind.REMINDER) for n in range(1, MOST_REMINDERS + 1)] if remind else []
    if escalate is not None:
        alarms.append(Alarm(after=escalate, kind=AlarmKind.ESCALATED))
    if gate.deadline is not None:
        alarms = [alarm for alarm in alarms if alarm.after < gate.deadline]
        alarms.append(Alarm(after=gate.deadline, kind=AlarmKind.DEADLINE))
    yield from sorted(alarms, key=lambda alarm: alarm.after)
