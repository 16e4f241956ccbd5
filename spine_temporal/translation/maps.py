"""The items of a map as activities or child workflows; and the workflow that runs a part of a large one."""

import asyncio
from collections.abc import Callable

from temporalio import workflow as temporal
from temporalio.exceptions import FailureError

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.machine.fan import Fan, ItemOutcome, item_name, item_params
from spine_temporal.machine.plan import PlannedPipeline
from spine_temporal.machine.step_outcome import Failed
from spine_temporal.translation import calls, failures, requests
from spine_temporal.translation.messages import MAP, BatchRequest, BatchResult
from spine_temporal.translation.undiverged import UndivergedError
from spine_temporal.translation.waiting import WAITING, Waiting

#: Items that one history takes; a larger map runs in parts of so many, each a child workflow.
BATCH = 500


async def run_items(request: BatchRequest, progressed: Callable[[Fan], None]) -> dict[int, ItemOutcome]:
    """Run the items of a part, bounded, and return how each ended, by its position in the whole map."""
    fan = Fan(request.step, request.items, request.tolerated)
    tasks: dict[int, asyncio.Task[ItemOutcome]] = {}
    try:
        while not fan.done:
            for index in fan.begin():
                tasks[index] = asyncio.create_task(_run_item(request, index))
            await temporal.wait(list(tasks.values()), return_when=asyncio.FIRST_COMPLETED)
            for index in [index for index, task in tasks.items() if task.done()]:
                fan.ended(index, _outcome_of(item_name(request.step.name, request.first + index), tasks.pop(index)))
            progressed(fan)
            if fan.halted:
                await _stopped(tasks)
                break
    except asyncio.CancelledError:
        await _stopped(tasks)
        raise
    return {request.first + index: outcome for index, outcome in sorted(fan.outcomes.items())}


def _outcome_of(name: str, task: asyncio.Task[ItemOutcome]) -> ItemOutcome:
    """Return how an item ended, also where somebody else has cancelled its run."""
    failure = task.exception()
    if failure is None:
        return task.result()
    if not isinstance(failure, FailureError):
        raise failure
    failed = failures.failed_outcome(name, failure)
    return ItemOutcome(error=failed.error, category=failed.category)


async def _run_item(request: BatchRequest, index: int) -> ItemOutcome:
    step, begun = request.step, request.begun
    try:
        params = item_params(step, begun.params, request.items[index])
    except ValueError as error:
        return ItemOutcome(error=str(error), category=ErrorCategory.CONFIGURATION.value)
    if step.pipeline is not None:
        return await _run_pipeline(request, index, step.pipeline)
    if begun.is_dry_run:
        return ItemOutcome()
    name = item_name(step.name, request.first + index)
    name = f"{name}#{request.round}" if request.round else name
    answer = await calls.run_workflow(name, begun, step, params)
    if isinstance(answer, WorkflowResult):
        return ItemOutcome(output=dict(answer.outputs))
    return ItemOutcome(error=answer.error, category=answer.category)


async def _run_pipeline(request: BatchRequest, index: int, pipeline: PlannedPipeline) -> ItemOutcome:
    if request.begun.is_dry_run:
        return ItemOutcome(output=pipeline.sample_output)
    asked = requests.item_request(request, index, pipeline)
    outcome = (await calls.run_pipeline(asked, task_queue=pipeline.task_queue)).outcome
    if isinstance(outcome, Failed):
        return ItemOutcome(error=outcome.error, category=outcome.category)
    return ItemOutcome(output=outcome.output, kept_from=outcome.kept_from)


async def _stopped(tasks: dict[int, asyncio.Task[ItemOutcome]]) -> None:
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


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

        return BatchResult(outcomes=await run_items(request, progressed))


@temporal.defn(name=MAP, failure_exception_types=[UndivergedError])
class ReplayedMapBatch(MapBatch):
    """The same for a Replayer."""

    @temporal.run
    async def run(self, request: BatchRequest) -> BatchResult:
        """Return how the items ended."""
        return await super().run(request)
