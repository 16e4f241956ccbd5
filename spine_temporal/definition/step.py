"""``Step``, which makes steps in Spine's words."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from spine_temporal.definition.approval import approval_of
from spine_temporal.definition.composite_steps import (
    DEFAULT_POLL_INTERVAL,
    DEFAULT_WAIT_FOR,
    AnyStep,
    Items,
    MapStep,
    ParallelStep,
    Partitions,
    WaitForStep,
    WorkflowStep,
)
from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.limit import Limit
from spine_temporal.definition.memory import bytes_of
from spine_temporal.definition.policies import ErrorPolicy, RetryPolicy, seconds_of
from spine_temporal.definition.simple_steps import (
    DEFAULT_HEARTBEAT_TIMEOUT,
    DEFAULT_TIMEOUT,
    ChoiceStep,
    Condition,
    Handler,
    LambdaStep,
    Params,
    PipelineStep,
    WaitStep,
)
from spine_temporal.definition.step_checks import error_policy, moment
from spine_temporal.definition.workflow import Workflow


class Step:
    """Makes steps. Durations are seconds or timedelta; ``on_error`` is an ``ErrorPolicy`` or its name."""

    @staticmethod
    def pipeline(
        name: str,
        pipeline_name: str,
        params: Params | None = None,
        *,
        on_error: ErrorPolicy | str = ErrorPolicy.STOP,
        retry: RetryPolicy | None = None,
        timeout: timedelta | float | None = None,
        heartbeat_timeout: timedelta | float | None = None,
        stage: str | None = None,
        sample_output: Mapping[str, Any] | None = None,
        local: bool | None = None,
        memory: int | str | None = None,
        task_queue: str | None = None,
        limit: Limit | None = None,
    ) -> PipelineStep:
        """Run the registered pipeline with the run's params and these: a dict, or a pure function of the context.

        ``sample_output`` stands for its output in a dry run. ``memory`` is what an attempt may take, in bytes or as
        text such as ``512MB``; without it, 1 GiB.

        ``local`` says whether the first attempt runs within the workflow task, on the worker that has the run, where it
        costs Temporal one event and no way over its queues; where it is to be tried again, it is an activity as any
        other. Left out, it does so where the worker has seen the step to take moments, in a process of its own as any
        attempt. ``False``: never. ``True``: always, in the worker's process, with no limit of memory. Beside other
        steps, those that take moments go together in one activity.

        ``task_queue`` is where other workers serve the pipeline, such as those with a large machine or other libraries.
        ``limit`` is what it shares with all others that use its source. With either, no attempt runs within the
        workflow task.
        """
        return PipelineStep(
            name=name,
            pipeline=pipeline_name,
            params=params or {},
            on_error=error_policy(name, on_error),
            retry=retry or RetryPolicy(),
            timeout=seconds_of(f"step {name!r}: timeout", timeout) or DEFAULT_TIMEOUT,
            heartbeat_timeout=seconds_of(f"step {name!r}: heartbeat_timeout", heartbeat_timeout)
            or DEFAULT_HEARTBEAT_TIMEOUT,
            stage=stage or "",
            sample_output=sample_output or {},
            local=local,
            memory=bytes_of(f"step {name!r}: memory", memory),
            task_queue=task_queue,
            limit=limit,
        )

    @staticmethod
    def lambda_(
        name: str,
        handler: Handler,
        config: Mapping[str, Any] | None = None,
        *,
        on_error: ErrorPolicy | str = ErrorPolicy.STOP,
        stage: str | None = None,
        deadline: timedelta | float | None = None,
        at_deadline: str = "abort",
        approvers: Sequence[str] = (),
        evidence: bool = False,
        four_eyes: bool = False,
        remind: timedelta | float | None = None,
        escalate: timedelta | float | None = None,
    ) -> LambdaStep:
        """Check with ``handler(ctx, config)``, which returns ``StepResult.ok`` or ``.fail``.

        With ``on_error=HOLD`` a failure waits for a person, ``deadline`` long; then ``at_deadline`` decides:
        ``abort`` or ``waive``. ``approvers`` may decide, as names or patterns; a waiver may need ``evidence``, and with
        ``four_eyes`` a second person. Each ``remind`` people are reminded, and after ``escalate`` it is told that
        nobody has decided.
        """
        return LambdaStep(
            name=name,
            handler=handler,
            config=config or {},
            on_error=error_policy(name, on_error),
            stage=stage or "",
            deadline=seconds_of(f"step {name!r}: deadline", deadline),
            at_deadline=at_deadline,
            approval=approval_of(
                name,
                approvers=approvers,
                evidence=evidence,
                four_eyes=four_eyes,
                remind=seconds_of(f"step {name!r}: remind", remind),
                escalate=seconds_of(f"step {name!r}: escalate", escalate),
                at_deadline=at_deadline,
            ),
        )

    @staticmethod
    def choice(
        name: str,
        condition: Condition,
        then_step: str,
        else_step: str | None = None,
        join: str | None = None,
        *,
        stage: str | None = None,
    ) -> ChoiceStep:
        """Branch: run from ``then_step`` or from ``else_step`` up to ``join``; the other branch is skipped."""
        return ChoiceStep(
            name=name, condition=condition, then_step=then_step, else_step=else_step, join=join, stage=stage or ""
        )

    @staticmethod
    def wait(
        name: str,
        duration_seconds: timedelta | float | None = None,
        *,
        until: datetime | str | None = None,
        stage: str | None = None,
    ) -> WaitStep:
        """Wait for that long, or until a time (ISO 8601 with a zone); a time that has passed is not waited for."""
        return WaitStep(
            name=name,
            duration=seconds_of(f"step {name!r}: duration_seconds", duration_seconds),
            until=moment(name, until),
            stage=stage or "",
        )

    @staticmethod
    def wait_for(
        name: str,
        workflow: Workflow | str,
        partition: Partitions,
        *,
        reached: str = "COMPLETED",
        timeout: timedelta | float | None = None,
        poll_interval: timedelta | float | None = None,
        category: ErrorCategory | str = ErrorCategory.TIMEOUT,
        on_error: ErrorPolicy | str = ErrorPolicy.STOP,
        stage: str | None = None,
    ) -> WaitForStep:
        """Wait until the manifest has the stage ``reached`` for each partition of the other workflow.

        Fails with ``category`` after ``timeout`` (a day).
        """
        return WaitForStep(
            name=name,
            workflow=workflow.name if isinstance(workflow, Workflow) else workflow,
            partition=partition,
            reached=reached,
            timeout=seconds_of(f"step {name!r}: timeout", timeout) or DEFAULT_WAIT_FOR,
            poll_interval=seconds_of(f"step {name!r}: poll_interval", poll_interval) or DEFAULT_POLL_INTERVAL,
            category=str(category),
            on_error=error_policy(name, on_error),
            stage=stage or "",
        )

    @staticmethod
    def parallel(
        name: str,
        steps: Sequence[AnyStep],
        max_concurrency: int | None = None,
        *,
        on_error: ErrorPolicy | str = ErrorPolicy.STOP,
        stage: str | None = None,
    ) -> ParallelStep:
        """Run these steps side by side; the output is theirs by step name.

        A step that fails with STOP cancels the others, and the parallel step fails with its error.
        """
        return ParallelStep(
            name=name,
            steps=steps,
            max_concurrency=max_concurrency,
            on_error=error_policy(name, on_error),
            stage=stage or "",
        )

    @staticmethod
    def map(
        name: str,
        items: Items,
        iterator_workflow: Workflow,
        max_concurrency: int = 4,
        item_param: str | None = "item",
        *,
        params: Mapping[str, Any] | None = None,
        tolerated_failures: int | float = 0,
        on_error: ErrorPolicy | str = ErrorPolicy.STOP,
        stage: str | None = None,
    ) -> MapStep:
        """Run ``iterator_workflow`` for each item, as a run with a partition of its own; results keep their order.

        ``items`` is a param's name, a path into a step's output (``list_weeks.weeks``), a list, or a pure function of
        the context. An iterator that is one pipeline, with no ``partition_by`` and no ``params_model``, runs as plain
        activities. The output: ``results``, ``total``, ``completed``, ``failed``, ``errors`` by index.
        """
        return MapStep(
            name=name,
            items=items,
            workflow=iterator_workflow,
            max_concurrency=max_concurrency,
            item_param=item_param,
            params=params or {},
            tolerated_failures=tolerated_failures,
            on_error=error_policy(name, on_error),
            stage=stage or "",
        )

    @staticmethod
    def workflow(
        name: str,
        workflow: Workflow,
        params: Params | None = None,
        *,
        on_error: ErrorPolicy | str = ErrorPolicy.STOP,
        stage: str | None = None,
    ) -> WorkflowStep:
        """Run another workflow as a run of its own, with the run's params that it knows and these."""
        return WorkflowStep(
            name=name,
            workflow=workflow,
            params=params or {},
            on_error=error_policy(name, on_error),
            stage=stage or "",
        )
