"""The Temporal activity of a pipeline: the fence, an attempt in its place, heartbeats and the time limit."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from temporalio import activity

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.pipeline import Pipeline
from spine_temporal.definition.run_key import RunKey
from spine_temporal.machine.door import ended_with
from spine_temporal.recording.fence import ClaimLostError, StateLostError
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.runtime.attempts import attempt_of
from spine_temporal.runtime.brief_steps import LONGEST, NotBriefError
from spine_temporal.runtime.claims import Claims, fenced
from spine_temporal.runtime.deadlines import given_up_at
from spine_temporal.runtime.failed_verdicts import log_verdict
from spine_temporal.runtime.heart import LONGEST_INTERVAL, Heart
from spine_temporal.runtime.item_groups import run_group
from spine_temporal.runtime.metrics import ATTEMPT_SECONDS, ATTEMPTS
from spine_temporal.runtime.pipeline_failures import attempt_failed, failure_of, limited, named, run_lost, waiting
from spine_temporal.runtime.places import Places, Running
from spine_temporal.runtime.resume_starter import ResumeStarter
from spine_temporal.runtime.run_metrics import count_checks, count_end, count_rows
from spine_temporal.runtime.source_limits import LimitedError
from spine_temporal.translation.failures import verdict_failure
from spine_temporal.translation.map_messages import ItemsDone, ItemsRequest
from spine_temporal.translation.pipeline_messages import PipelineRequest, ShutDoor, StepDone

_log = logging.getLogger(__name__)


def pipeline_activity(
    pipeline: type[Pipeline], done: Callable[[PipelineRequest], Awaitable[StepDone]]
) -> Callable[..., Any]:
    """Return the activity of a pipeline, under the pipeline's name; ``done`` does a step of it."""

    @activity.defn(name=pipeline.name)
    async def run(request: PipelineRequest | ShutDoor | ItemsRequest) -> StepDone | ItemsDone:
        if isinstance(request, ShutDoor):
            return _refused(request)
        if isinstance(request, ItemsRequest):
            return await run_group(request, done) if pipeline.transactional else request.all_alone()
        return await done(request)

    return run


def done_by(
    pipeline: type[Pipeline], places: Places, claims: Claims, resumes: ResumeStarter
) -> Callable[[PipelineRequest], Awaitable[StepDone]]:
    """Return what does a step of a pipeline, within an activity: an attempt, behind the fence."""

    async def done(request: PipelineRequest) -> StepDone:
        if request.failed_once is not None and activity.info().attempt == 1:
            raise waiting(request.failed_once)
        if request.key.was_reset and not request.is_item:
            resume = await _requested(resumes, request)
            if resume is not None:
                return StepDone(step=request.step, resume=resume)
        outcomes: list[StepDone] = []

        async def work(asked: PipelineRequest) -> None:
            outcomes.append(await _run(pipeline, places, asked))

        try:
            key = await fenced(claims, request, work)
        except SpineError as error:
            raise await run_lost(places.database, request, error) from None
        return _told_to(request, outcomes[-1], key)

    return done


def _told_to(request: PipelineRequest, done: StepDone, key: RunKey) -> StepDone:
    """Return what the run is told of a step that is done, under the key with which it was."""
    more: dict[str, Any] = {} if key == request.key else {"epoch": key.epoch}
    if request.door is not None:
        more["door"] = request.door
    if done.is_end and request.ending is not None:
        count_end(ended_with(request.ending.result, done))
    return done.model_copy(update=more)


def _refused(request: ShutDoor) -> StepDone:
    """Tell the run that a gate keeps the pipeline from running: by a failure, where the gate has failed."""
    last = request.door.verdicts[-1]
    if last.failed:
        log_verdict(last)
        raise verdict_failure(last, request.door)
    return StepDone(step=request.step, door=request.door)


async def _run(pipeline: type[Pipeline], places: Places, request: PipelineRequest) -> StepDone:
    info = activity.info()
    heart = Heart(info.heartbeat_details, silent=info.is_local)
    request = _with_time(request)
    number, progress = request.number(info.attempt), info.heartbeat_details
    attempt = attempt_of(request, pipeline, places.database, heart.tell, number, progress, is_local=info.is_local)
    heart.start(min(request.heartbeat_timeout / 3, LONGEST_INTERVAL))
    try:
        await places.lost.count(attempt)
        async with places.limits.held(attempt):
            running = await places.of(request).begin(attempt, heart.tell)
            done = await _within_time(running, request)
            places.brief.note(attempt, done)
            return _counted(attempt, done)
    except LimitedError as limit:
        ATTEMPTS.labels(request.pipeline, "waiting").inc()
        raise limited(limit) from None
    except (ClaimLostError, StateLostError):
        raise
    except asyncio.CancelledError:
        ATTEMPTS.labels(request.pipeline, "cancelled").inc()
        raise
    except SpineError as error:
        places.brief.note(attempt, None)
        heart.beat()  # the next attempt is given what this one told last
        # Without its cause: Temporal replaces a failure of more than a few kilobytes by "exceeds size limit".
        raise await attempt_failed(attempt, places.database, error) from None
    finally:
        heart.stop()


def _with_time(request: PipelineRequest) -> PipelineRequest:
    """Return the request with when its attempt is too late to end the run."""
    ending = request.ending
    if ending is None:
        return request
    timed = ending.model_copy(update={"until": given_up_at(ending.result.completed_at)})
    return request.model_copy(update={"ending": timed})


def _counted(attempt: Attempt, outcome: StepDone) -> StepDone:
    request = attempt.request
    ATTEMPTS.labels(request.pipeline, "completed").inc()
    seconds = (datetime.now(UTC) - attempt.started_at).total_seconds()
    ATTEMPT_SECONDS.labels(request.pipeline).observe(seconds)
    count_rows(request.pipeline, outcome)
    count_checks(request.key.workflow, (*request.measured, *attempt.measured))
    return outcome


async def _requested(resumes: ResumeStarter, request: PipelineRequest) -> ResumeOptions | None:
    """Return how the person who reset the run wants it to go on; None where nothing is to change."""
    try:
        return await resumes.requested_here()
    except SpineError as error:
        _log.warning("%s: %s", named(request), error)
        raise failure_of(error) from None


async def _within_time(running: Running, request: PipelineRequest) -> StepDone:
    """Wait for the attempt; at its time limit or on cancellation, stop it first."""
    try:
        limit = min(request.timeout, LONGEST) if request.is_brief else request.timeout
        done, _ = await asyncio.wait([running.done], timeout=limit)
    except asyncio.CancelledError:
        await running.stop()
        raise
    outcome = await (running.result() if done else running.stop())
    if outcome is not None:
        return outcome
    if limit < request.timeout:
        raise NotBriefError
    raise SpineError(
        f"the pipeline took longer than its timeout of {request.timeout:g} s: raise the step's timeout, or do less in "
        "one step",
        ErrorCategory.TIMEOUT,
    )
