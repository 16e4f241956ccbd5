"""The items of a map as activities or child workflows; and the workflow that runs a part of a large one."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from temporalio import workflow as temporal
from temporalio.exceptions import FailureError

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.machine.fan import Fan, ItemOutcome, group_size, item_name, item_params, own_params
from spine_temporal.machine.plan import PlannedPipeline
from spine_temporal.machine.step_outcome import Failed
from spine_temporal.translation import calls, failures, requests
from spine_temporal.translation.map_messages import BatchRequest, BatchResult
from spine_temporal.translation.messages import MAP
from spine_temporal.translation.pipeline_messages import FailedOnce
from spine_temporal.translation.revisions import GROUPS_ARE_EVEN, ITEMS_GO_TOGETHER, PARTS_KEEP_PACE
from spine_temporal.translation.undiverged import UndivergedError
from spine_temporal.translation.waiting import WAITING, Waiting

#: Items that one history takes; a larger map runs in parts of so many, each a child workflow.
BATCH = 500


@dataclass(frozen=True, kw_only=True)
class _GroupEnded:
    """How the items of a group have ended; those that are missing have not begun."""

    outcomes: Mapping[int, ItemOutcome]
    #: Those that go on by themselves, and how they have failed, where that was counted.
    alone: Mapping[int, FailedOnce | None] = field(default_factory=dict)
    #: Seconds that one item has taken; None: not known.
    pace: float | None = None


@dataclass(kw_only=True)
class _Items:
    """The items of a part that run, in groups, and how fast they are."""

    request: BatchRequest
    fan: Fan
    alone: dict[int, FailedOnce | None] = field(default_factory=dict)
    pace: float | None = None
    tasks: dict[tuple[int, ...], asyncio.Task[_GroupEnded]] = field(default_factory=dict)

    def begin(self) -> None:
        """Begin as many as may run now."""
        shared_anew = self.request.begun.revision < GROUPS_ARE_EVEN
        for group in self.fan.begin_groups(self._size(), self.alone, shared_anew=shared_anew):
            self.tasks[group] = asyncio.create_task(_run_group(self.request, group, self.alone))

    def _size(self) -> int:
        pipeline = self.request.step.pipeline
        if self.request.begun.revision < ITEMS_GO_TOGETHER or pipeline is None or pipeline.limit is not None:
            return 1
        return group_size(self.pace)

    def end(self) -> None:
        """Take in those that have ended."""
        for group in [group for group, task in self.tasks.items() if task.done()]:
            ended = _ended(self.request, group, self.tasks.pop(group))
            self.alone.update(ended.alone)
            self.pace = ended.pace if ended.pace is not None else self.pace
            self.fan.group_ended(group, ended.outcomes)

    async def stop(self) -> None:
        """Stop those that run, and take in what they have done."""
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        for group, task in self.tasks.items():
            if not task.cancelled() and task.exception() is None:
                self.fan.group_ended(group, task.result().outcomes)


async def run_items(request: BatchRequest, progressed: Callable[[Fan], None]) -> BatchResult:
    """Run the items of a part, bounded, and return how each ended, by its position in the whole map."""
    fan = Fan(request.step, request.items, request.tolerated)
    items = _Items(request=request, fan=fan, pace=_pace_before(request))
    try:
        while not fan.done:
            items.begin()
            await temporal.wait(list(items.tasks.values()), return_when=asyncio.FIRST_COMPLETED)
            items.end()
            progressed(fan)
            if fan.halted:
                await items.stop()
                break
    except asyncio.CancelledError:
        await items.stop()
        raise
    outcomes = {request.first + index: outcome for index, outcome in sorted(fan.outcomes.items())}
    return BatchResult(outcomes=outcomes, **({} if items.pace is None else {"pace": items.pace}))


def _pace_before(request: BatchRequest) -> float | None:
    """Return how fast the part before was; a worker that does not know it may have begun this one."""
    return request.pace if request.begun.revision >= PARTS_KEEP_PACE else None


def _ended(request: BatchRequest, group: tuple[int, ...], task: asyncio.Task[_GroupEnded]) -> _GroupEnded:
    """Return how a group ended, also where somebody else has cancelled its run."""
    failure = task.exception()
    if failure is None:
        return task.result()
    if not isinstance(failure, FailureError):
        raise failure
    failed = failures.failed_outcome(item_name(request.step.name, request.first + group[0]), failure)
    return _all_failed(group, failed)


def _all_failed(group: tuple[int, ...], failed: Failed) -> _GroupEnded:
    return _GroupEnded(outcomes=dict.fromkeys(group, ItemOutcome(error=failed.error, category=failed.category)))


async def _run_group(
    request: BatchRequest, group: tuple[int, ...], tried: Mapping[int, FailedOnce | None]
) -> _GroupEnded:
    """Run an item, or several one after the other in one activity."""
    wrong = {index: error for index in group if (error := _wrong(request, index)) is not None}
    asked = [index for index in group if index not in wrong]
    if not asked:
        return _GroupEnded(outcomes=wrong)
    if request.step.pipeline is None or request.begun.is_dry_run:
        return _GroupEnded(outcomes={**wrong, **{index: await _run_one(request, index) for index in asked}})
    if len(asked) == 1:
        ended = await _run_pipeline(request, asked[0], request.step.pipeline, tried)
    else:
        ended = await _run_together(request, asked, request.step.pipeline)
    return replace(ended, outcomes={**wrong, **ended.outcomes})


def _wrong(request: BatchRequest, index: int) -> ItemOutcome | None:
    """Return how an item fails that no params can be made of."""
    try:
        own_params(request.step, request.items[index])
    except ValueError as error:
        return ItemOutcome(error=str(error), category=ErrorCategory.CONFIGURATION.value)
    return None


async def _run_one(request: BatchRequest, index: int) -> ItemOutcome:
    """Run the sub-workflow of an item, or nothing of it in a dry run."""
    step, begun = request.step, request.begun
    if begun.is_dry_run:
        return ItemOutcome() if step.pipeline is None else ItemOutcome(output=step.pipeline.sample_output)
    name = item_name(step.name, request.first + index)
    name = f"{name}#{request.round}" if request.round else name
    params = item_params(step, begun.params, request.items[index])
    answer = await calls.run_workflow(name, begun, step, params)
    if isinstance(answer, WorkflowResult):
        return ItemOutcome(output=dict(answer.outputs))
    return ItemOutcome(error=answer.error, category=answer.category)


async def _run_pipeline(
    request: BatchRequest, index: int, pipeline: PlannedPipeline, tried: Mapping[int, FailedOnce | None]
) -> _GroupEnded:
    asked = requests.item_request(request, index, pipeline)
    asked = asked.tried_again(tried[index]) if index in tried else asked
    outcome = (await calls.run_pipeline(asked, task_queue=pipeline.task_queue)).outcome
    if isinstance(outcome, Failed):
        return _all_failed((index,), outcome)
    done = ItemOutcome(output=outcome.output, kept_from=outcome.kept_from)
    return _GroupEnded(outcomes={index: done}, pace=outcome.seconds)


async def _run_together(request: BatchRequest, group: list[int], pipeline: PlannedPipeline) -> _GroupEnded:
    asked = requests.items_request(request, group, pipeline)
    done = await calls.run_items(asked, task_queue=pipeline.task_queue)
    if isinstance(done, Failed):
        return _all_failed(tuple(group), done)
    alone = {index: done.failed_once.get(index) for index in done.alone}
    return _GroupEnded(outcomes=done.outcomes, alone=alone, pace=done.pace)


@temporal.defn(name=MAP, failure_exception_types=[Exception])
class MapBatch:
    """Runs a part of a large map, in a history of its own."""

    @temporal.query(name=WAITING, description="What the run waits for: nothing but its items")
    def waiting(self) -> Waiting:
        """Return nothing, as its activities and sub-workflows say more."""
        return Waiting()

    @temporal.run
    async def run(self, request: BatchRequest) -> BatchResult:
        """Return how the items ended."""

        def progressed(fan: Fan) -> None:
            done = len(fan.outcomes)
            temporal.set_current_details(f"{done} of {len(fan.items)} items, {fan.failed} failed")

        return await run_items(request, progressed)


@temporal.defn(name=MAP, failure_exception_types=[UndivergedError])
class ReplayedMapBatch(MapBatch):
    """The same for a Replayer."""

    @temporal.run
    async def run(self, request: BatchRequest) -> BatchResult:
        """Return how the items ended."""
        return await super().run(request)
