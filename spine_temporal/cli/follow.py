"""Follow a run to its end: show its steps, what it waits for, and, after Ctrl-C, what happens to it."""

import asyncio
import contextlib
import shlex
import time

from temporalio.client import WorkflowQueryFailedError
from temporalio.service import RPCError

from spine_temporal.cli.printing import how_to_decide
from spine_temporal.cli.progress import Progress
from spine_temporal.cli.stand_in import StandIn
from spine_temporal.client.attempts import Attempt, attempts_of
from spine_temporal.client.descriptions import described
from spine_temporal.client.run_handle import RunHandle
from spine_temporal.client.servers import Servers
from spine_temporal.client.web_ui import run_url, ui_of
from spine_temporal.definition.errors import SpineError
from spine_temporal.definition.run_result import StepStatus, WorkflowResult
from spine_temporal.settings import Settings

#: Seconds between two looks, at first and after a while; and between two looks at attempts.
_INTERVAL, _LATER, _WHILE = 0.2, 1.0, 10.0
#: Seconds that the run gets to answer, after which it is looked whether anybody serves it.
_PATIENCE = 1.5
#: Seconds after which a question counts as lost.
_LONGEST = 10.0
#: Seconds that last words may take.
_LAST_WORDS = 3.0


async def follow(run: RunHandle, servers: Servers, settings: Settings, *, with_worker: bool = True) -> WorkflowResult:
    """Wait for the run's end, showing each step as it begins and ends.

    ``with_worker``: the command's session has a worker of its own where the embedded servers have none.
    """
    async with StandIn(settings, servers, with_worker=with_worker) as stand_in:
        with Progress() as shown:
            return await _followed(run, servers, shown, stand_in)


async def _followed(run: RunHandle, servers: Servers, shown: Progress, stand_in: StandIn) -> WorkflowResult:
    shown.say(run.workflow_id, style="bold")
    ui = ui_of(servers)
    if ui:
        shown.say(f"Web UI: {run_url(ui, servers.namespace, run.workflow_id)}")
    looks = _Watch(run, shown, stand_in)
    watch = asyncio.create_task(looks.watch())
    try:
        result = await run.result()
    except asyncio.CancelledError:
        await _say_what_becomes_of_it(run, shown, stand_in)
        raise
    finally:
        looks.ended.set()
        await asyncio.wait({watch}, timeout=_PATIENCE)  # for the answer to a question that is under way
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
    shown.show(result, {})
    return result


class _Watch:
    """Shows how far the run is, until it has ended."""

    def __init__(self, run: RunHandle, shown: Progress, stand_in: StandIn) -> None:
        self.ended = asyncio.Event()
        self._run = run
        self._shown = shown
        self._stand_in = stand_in
        self._began = time.monotonic()
        self._attempts: dict[str, Attempt] = {}
        self._attempts_at = 0.0
        self._held: set[str] = set()
        self._waits = ""

    async def watch(self) -> None:
        while not self.ended.is_set():
            with contextlib.suppress(TimeoutError):
                interval = _INTERVAL if time.monotonic() - self._began < _WHILE else _LATER
                await asyncio.wait_for(self.ended.wait(), interval)
                return
            question = asyncio.create_task(self._run.progress())
            try:
                progress = await self._answer(question)
            except (RPCError, WorkflowQueryFailedError, TimeoutError):
                continue
            self._waits = ""
            if progress is not None and not self.ended.is_set():
                await self._show(progress)

    async def _answer(self, question: "asyncio.Task[WorkflowResult | None]") -> WorkflowResult | None:
        """Wait for the answer, and look meanwhile whether anybody is there to give it."""
        done, _ = await asyncio.wait({question}, timeout=_PATIENCE)
        if not done:
            await self._look_for_workers()
        return await asyncio.wait_for(question, _LONGEST)

    async def _look_for_workers(self) -> None:
        """Say that no worker serves the run, once each time that this begins."""
        with contextlib.suppress(RPCError, SpineError):
            told = await self._stand_in.look(self._run)
            if told and not self._waits:
                self._shown.say(told)
            self._waits = told or self._waits

    async def _show(self, progress: WorkflowResult) -> None:
        running = [step for step in progress.step_executions if step.status is StepStatus.RUNNING]
        if running and time.monotonic() - self._attempts_at > _LATER:
            self._attempts_at = time.monotonic()
            with contextlib.suppress(RPCError):
                self._attempts = await attempts_of(
                    self._run.client, await described(self._run.client, self._run.handle)
                )
        self._shown.show(progress, self._attempts)
        held = {step.step_name for step in progress.step_executions if step.status is StepStatus.HELD}
        for step in sorted(held - self._held):
            for line in how_to_decide(self._run.workflow_id, step):
                self._shown.say(line)
        self._held = held


async def _say_what_becomes_of_it(run: RunHandle, shown: Progress, stand_in: StandIn) -> None:
    """Say that the run goes on, or waits, and what to type."""
    identity = shlex.quote(run.workflow_id)
    alone = False
    with contextlib.suppress(RPCError, TimeoutError):
        alone = await asyncio.wait_for(stand_in.serves(run), _LAST_WORDS)
    if alone:
        shown.say(
            "this command's own worker served the run and stops now: the step that runs gets some seconds to finish, "
            "and the run waits for the next worker"
        )
        shown.say("go on with it by the same `run` again, or keep a worker that does, and watch it or ask it to stop:")
        shown.say(f"  spine-temporal dev\n  spine-temporal result {identity}\n  spine-temporal cancel {identity}")
        return
    shown.say("the run goes on without this command; watch it, or ask it to stop:")
    shown.say(f"  spine-temporal result {identity}\n  spine-temporal cancel {identity}")
