"""What a gate asks of who decides: the approver, the evidence, the second person; and when it makes itself heard."""

import itertools

import pytest
from temporalio.api.common.v1 import Payloads, Principal
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionSignaledEventAttributes
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError

from spine_temporal import DefinitionError, Step, StepResult, Workflow
from spine_temporal.definition.run_result import Decision
from spine_temporal.machine.alarms import MOST_REMINDERS, alarms_of
from spine_temporal.machine.plan import PlannedApproval
from spine_temporal.machine.planning import plan_of
from spine_temporal.runtime.deciders import Deciders
from spine_temporal.translation.approvals import weighed
from spine_temporal.translation.decisions import decision_digest, decision_of
from spine_temporal.translation.gate_messages import Claimed
from spine_temporal.translation.messages import DECIDER
from tests.unit.machine_builders import bad, begin, ok, pipe, planned, play

ANN = Decision(action="waive", by="ann", reason="known", evidence="ticket 7")
BOB = ANN.model_copy(update={"by": "bob"})


def gate(**asked):
    return Step.lambda_("check", lambda ctx, config: StepResult.ok(), on_error="HOLD", **asked)


def planned_gate(**asked):
    return plan_of(Workflow(name="w", steps=[gate(**asked)])).places["check"].step


def refusal(call, *arguments):
    with pytest.raises(ApplicationError) as error:
        call(*arguments)
    return error.value.message


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"approvers": "ann"}, "approvers must be a list of names or patterns, not 'ann'"),
        ({"approvers": [" "]}, "approvers must be a list of names or patterns"),
        ({"four_eyes": 1}, "four_eyes must be True or False, not 1"),
        ({"evidence": "yes"}, "evidence must be True or False, not 'yes'"),
        ({"approvers": ["ann"], "four_eyes": True}, "four_eyes needs two people, and approvers names 'ann' alone"),
        (
            {"at_deadline": "waive", "evidence": True},
            "at_deadline='waive' would let the gate pass without the evidence",
        ),
        ({"remind": 0}, "remind must be a positive number of seconds"),
        ({"escalate": "1 h"}, "escalate must be a positive number of seconds"),
    ],
)
def test_what_cannot_be_asked_is_refused_when_the_gate_is_made(asked, words):
    with pytest.raises(DefinitionError, match="step 'check'") as error:
        gate(**asked)
    assert words in str(error.value)


def test_a_gate_that_asks_nothing_has_a_plan_as_before():
    assert "approval" not in planned_gate().model_dump(exclude_unset=True)
    assert planned_gate(four_eyes=True).approval == PlannedApproval(four_eyes=True)


@pytest.mark.parametrize(("by", "may"), [("ann", True), ("bob@finance.example", True), ("bob", False)])
def test_only_approvers_decide_where_a_gate_names_them(by, may):
    approval = PlannedApproval(approvers=("ann", "*@finance.example"))
    decision = ANN.model_copy(update={"by": by, "action": "abort"})
    if may:
        assert weighed("check", approval, None, decision) == decision
        return
    said = refusal(weighed, "check", approval, None, decision)
    assert said == "step 'check' is decided by ann, *@finance.example; the sender is 'bob'"
    verified = decision.model_copy(update={"is_verified": True})
    assert "Temporal knows the sender as 'bob'" in refusal(weighed, "check", approval, None, verified)


def test_a_waiver_of_four_eyes_counts_with_a_second_person_and_no_one_is_two():
    approval = PlannedApproval(four_eyes=True)
    assert weighed("check", approval, None, ANN) is None
    assert weighed("check", approval, ANN, ANN) is None
    both = weighed("check", approval, ANN, BOB)
    assert (both.by, both.second) == ("ann", BOB)
    assert str(both) == "waived by ann and bob: known"
    retry = BOB.model_copy(update={"action": "retry"})
    assert weighed("check", approval, ANN, retry) == retry  # it overrules nothing


def test_a_waiver_says_what_it_rests_on_where_the_gate_asks_for_it():
    held, _ = play(begin(planned(pipe("load"), gate(evidence=True))), ok("load"), bad("check"))
    given = {"by": "ann", "reason": "known"}
    assert "step 'check' asks for evidence" in refusal(decision_of, "waive", given, held, {})
    assert decision_of("abort", given, held, {})[1].evidence is None
    assert decision_of("waive", {**given, "evidence": "ticket 7"}, held, {})[1].evidence == "ticket 7"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, []),
        ({"deadline": 5}, [(5, "deadline")]),
        (
            {"remind": 2, "escalate": 3, "deadline": 5},
            [(2, "reminder"), (3, "escalated"), (4, "reminder"), (5, "deadline")],
        ),
        ({"remind": 5, "deadline": 5}, [(5, "deadline")]),
        ({"escalate": 9, "deadline": 5}, [(5, "deadline")]),
    ],
)
def test_alarms_come_in_the_order_of_their_times_and_none_after_the_deadline(asked, expected):
    assert [(alarm.after, alarm.kind) for alarm in alarms_of(planned_gate(**asked))] == expected


def test_reminders_come_to_an_end():
    alarms = list(itertools.islice(alarms_of(planned_gate(remind=1)), 1000))
    assert len(alarms) == MOST_REMINDERS


class Answering:
    """A client whose Temporal answers with these events."""

    namespace = "default"
    data_converter = pydantic_data_converter

    def __init__(self, events):
        self.events = events
        self.workflow_service = self

    async def get_workflow_execution_history_reverse(self, request):
        from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseResponse

        return GetWorkflowExecutionHistoryReverseResponse(history={"events": self.events})


async def claim(update_id, digest, principal, name=DECIDER):
    given = Claimed(update_id=update_id, digest=digest)
    payloads = Payloads(payloads=await pydantic_data_converter.encode([given]))
    return HistoryEvent(
        event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        principal=Principal(type="jwt", name=principal) if principal else None,
        workflow_execution_signaled_event_attributes=WorkflowExecutionSignaledEventAttributes(
            signal_name=name, input=payloads
        ),
    )


async def test_who_has_sent_a_decision_is_whom_the_server_knows_to_have_claimed_it():
    mine = decision_digest("waive", {"by": "root", "reason": "known", "until": 7.0})
    assert mine == decision_digest("waive", {"by": "root", "reason": "known", "until": 9.0})
    other = decision_digest("abort", {"by": "root", "reason": "known"})
    events = [
        await claim("u1", other, "mallory"),  # claims another content
        await claim("u2", mine, "mallory"),  # claims another update
        await claim("u1", mine, None),  # a server that knows nobody
        await claim("u1", mine, "mallory", name="resume"),
        await claim("u1", mine, "ann@finance.example"),
    ]
    assert await Deciders(Answering(events)).name_of("w", "r", "u1", mine) == "ann@finance.example"
    assert await Deciders(Answering(events[:4])).name_of("w", "r", "u1", mine) is None
