"""Gates are asked in a few processes, however many runs ask at once, and none waits for long for a slow one."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from temporalio.worker.workflow_sandbox import SandboxRestrictions

from spine_temporal.machine.evaluate import Asked, Question
from spine_temporal.machine.machine import start
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.state import Run
from spine_temporal.runtime.definitions import load_definitions
from spine_temporal.runtime.processes.gate_processes import AT_ONCE, GateProcesses
from spine_temporal.runtime.processes.host import ProcessHost
from spine_temporal.translation.classes import Source
from spine_temporal.translation.snapshot import PASSED_THROUGH
from tests.temporal import mean_gates

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
RESTRICTIONS = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)


class Counted(ProcessHost):
    made = 0
    newest = None

    def child(self, kind, *, patience=60.0):
        self.made += 1
        self.newest = super().child(kind, patience=patience)
        return self.newest


@pytest.fixture
def host():
    host = Counted(load_definitions([mean_gates.__name__]))
    host.require()
    yield host
    host.close()


@pytest.fixture
def ask(host):
    gates = GateProcesses(host, RESTRICTIONS)
    plan = plan_of(mean_gates.GATED)
    gate = plan.places["mean"].step

    def ask(does="nothing", patience=None):
        """Ask as a workflow task does, which is repeated where the machine was too busy for an answer.

        With ``patience`` it is asked once, for so many seconds.
        """
        run = Run(run_id="r", started_at=NOON, params={"does": does}, partition={})
        state, _ = start(plan, run)
        of_run = gates.of(Source(module=mean_gates.__name__, attribute="GATED"), "r")
        question = Question(asked=Asked.VERDICT, step=gate, context=state.context_of("mean"))
        if patience is not None:
            of_run._until = time.monotonic() + patience
            return of_run.answer(question)
        while True:
            of_run.begin()
            answer = of_run.answer(question)
            if answer is not None:
                return answer

    yield ask
    gates.close()


def test_many_that_ask_at_once_share_a_few_processes(ask, host):
    ask()  # a process is asked while another one loads
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: ask(), range(200)))
    assert {answer.output["run"] for answer in answers} == {"r"}
    assert host.made < 10  # AT_ONCE, and another for each moment in which a busy machine has let none be free


def test_a_gate_is_asked_while_as_many_others_compute_as_there_are_processes(ask, host):
    with ThreadPoolExecutor(AT_ONCE + 1) as threads:
        slow = [threads.submit(ask, "loop") for _ in range(AT_ONCE)]
        time.sleep(0.2)
        assert threads.submit(ask).result(10).output["run"] == "r"
        assert host.made > AT_ONCE
        assert all("GATE_TIMEOUT" in one.result(30).error for one in slow)


def test_a_process_that_has_not_had_its_time_is_late_and_not_stuck(ask, host):
    assert ask().output["run"] == "r"
    os.kill(host.newest.pid, signal.SIGSTOP)  # the machine has none for it
    assert ask(patience=0.3) is None
    os.kill(host.newest.pid, signal.SIGCONT)
    assert ask().output["run"] == "r"
    assert host.made == 1
