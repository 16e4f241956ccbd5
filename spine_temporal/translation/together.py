"""Brief steps beside each other: those that are asked for in the same moment go together, in one activity."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import accumulate

from spine_temporal.definition.json_values import json_size
from spine_temporal.translation import calls
from spine_temporal.translation.calls import Ran
from spine_temporal.translation.pipeline_messages import PipelineRequest
from spine_temporal.translation.step_messages import StepsDone, StepsRequest

#: Bytes of the params that go together: a larger request would have to be kept in Postgres, beside the history.
_BYTES = 256 * 1024


@dataclass(kw_only=True)
class _Group:
    requests: dict[str, PipelineRequest] = field(default_factory=dict)
    is_stopped: bool = False
    #: Does them; ends by itself also where it is cancelled.
    task: asyncio.Task[StepsDone]

    async def ended(self) -> StepsDone:
        """Stop it, and return what it had done when it had stopped."""
        if not self.is_stopped:
            self.is_stopped = True
            self.task.cancel()
        while not self.task.done():
            try:
                await asyncio.shield(self.task)
            except asyncio.CancelledError:
                continue
        return StepsDone() if self.task.cancelled() else self.task.result()

    def after(self, step: str, done: StepsDone) -> Ran | PipelineRequest:
        """Return how a step has ended, or the request with which it goes on by itself."""
        if step in done.done:
            return Ran(outcome=done.done[step])
        if step in done.failed:
            return Ran(outcome=done.failed[step])
        request = self.requests[step]
        if step in done.again:
            return request.tried_again(done.failed_once.get(step))
        return request.model_copy(update={"is_brief": False})


class Together:
    """Gathers the brief steps of one run that are asked for in the same moment."""

    def __init__(self) -> None:
        self._next: _Group | None = None

    async def run(self, request: PipelineRequest) -> Ran | PipelineRequest:
        """Return how the step has ended, or the request with which it goes on by itself.

        Where one of them is stopped, all are: those that were not meant go on by themselves.
        """
        group = self._next
        if group is None:
            group = self._next = _Group(task=asyncio.create_task(self._done()))
        group.requests[request.step] = request
        try:
            return group.after(request.step, await asyncio.shield(group.task))
        except asyncio.CancelledError:
            ran = group.after(request.step, await group.ended())
            if isinstance(ran, Ran):
                return ran
            raise

    async def _done(self) -> StepsDone:
        """Do those that have been gathered when this begins, which is when all have asked that run now."""
        group, self._next = self._next, None
        requests = _fitting(group.requests.values()) if group is not None else ()
        if len(requests) < 2:
            return StepsDone()
        names = ", ".join(request.step for request in requests)
        try:
            return await calls.run_steps(StepsRequest(key=requests[0].key, step=names, steps=requests))
        except asyncio.CancelledError:
            return StepsDone()


def _fitting(requests: Collection[PipelineRequest]) -> tuple[PipelineRequest, ...]:
    """Return the first ones, as many as one request should carry: each has all params of the run."""
    sizes = accumulate(json_size(dict(request.params)) for request in requests)
    return tuple(request for request, size in zip(requests, sizes, strict=True) if size <= _BYTES)
