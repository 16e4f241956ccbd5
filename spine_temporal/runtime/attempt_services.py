"""What a pipeline sees of its attempt: its transaction, its heartbeat, its anomalies."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Event
from typing import Any

from sqlalchemy import Connection

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.json_values import JsonValueError, require_size, to_json
from spine_temporal.definition.pipeline import Pipeline
from spine_temporal.recording.anomalies import AnomalyRecorder, fault_id_of
from spine_temporal.recording.executions import Execution
from spine_temporal.recording.lending import StepConnection
from spine_temporal.translation.pipeline_messages import PipelineRequest

#: Bytes of a heartbeat's details as JSON.
_MAX_PROGRESS_BYTES = 64 * 1024


class AbandonedError(SpineError):
    """Raised in the thread of an attempt that was cancelled or has run out of time: it must not commit."""

    def __init__(self) -> None:
        super().__init__("this attempt was cancelled or ran out of time", ErrorCategory.TIMEOUT)


class AttemptServices:
    """The services of a pipeline whose attempt is one transaction."""

    def __init__(
        self, request: PipelineRequest, pipeline: type[Pipeline], beat: Callable[..., None], progress: Sequence[Any]
    ) -> None:
        self.request = request
        self.execution = Execution(
            key=request.key,
            step=request.step,
            pipeline=request.pipeline,
            params=request.params,
            round=request.round,
        )
        self.progress = tuple(progress)
        self._pipeline = pipeline
        self._beat = beat
        self._abandoned = Event()
        #: The transaction that the step commits, and what its pipeline has of it.
        self._own: Connection | None = None
        self._lent: StepConnection | None = None

    @property
    def is_one_transaction(self) -> bool:
        """Whether all that the pipeline writes is committed with its ledger row."""
        return self._pipeline.transactional

    @property
    def connection(self) -> Connection:
        """The transaction that the step commits, as the pipeline may use it."""
        own = self._transaction()
        if self._lent is None:
            self._lent = StepConnection(own)
        return self._lent

    def _transaction(self) -> Connection:
        self._require_turn()
        if self._own is not None:
            return self._own
        if self._pipeline.transactional:
            raise AbandonedError
        raise SpineError(
            f"pipeline {self.request.pipeline!r} is not transactional: use `with self.transaction() as connection`",
            ErrorCategory.CONFIGURATION,
        )

    def transaction(self) -> AbstractContextManager[Connection]:
        """Refuse: this attempt is one transaction, which is the pipeline's ``connection``."""
        raise SpineError(
            f"pipeline {self.request.pipeline!r} is one transaction, self.connection: set transactional = False on the "
            "class to commit in parts",
            ErrorCategory.CONFIGURATION,
        )

    @property
    def idempotency_key(self) -> str:
        """The execution id."""
        return str(self.execution.execution_id)

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.request.key.run_id

    @property
    def partition(self) -> Mapping[str, Any]:
        """The run's partition."""
        return self.request.key.partition

    def heartbeat(self, *details: Any) -> None:
        """Pass a heartbeat on; raises once the attempt is abandoned, and for details that are not JSON."""
        self._require_turn()
        try:
            given = to_json(list(details), "heartbeat details")
            require_size(given, "heartbeat details", _MAX_PROGRESS_BYTES, "give a position, not the data")
        except JsonValueError as error:
            raise SpineError(str(error), ErrorCategory.CONFIGURATION) from None
        self._beat(*given)

    def record_anomaly(self, category: str, message: str, *, severity: str, metadata: Mapping[str, Any] | None) -> None:
        """Write an anomaly of this step; its id follows from run, step and category."""
        key, step = self.request.key, self.request.step
        AnomalyRecorder(self._transaction(), key.domain).record(
            f"workflow.{step}",
            dict(key.partition),
            severity,
            category,
            message,
            {**(metadata or {}), "workflow": key.workflow, "run_id": key.run_id, "workflow_id": key.workflow_id},
            fault_id=fault_id_of(key.workflow, key.partition, step, category),
        )

    def abandon(self) -> None:
        """Stop the attempt from another thread: cancel what Postgres does for it, and let it commit nothing."""
        self._abandoned.set()
        connection = self._own
        if connection is not None:
            driver: Any = connection.connection.driver_connection
            driver.cancel_safe(timeout=2)

    def end_session(self) -> None:
        """End the session of an abandoned attempt that does not stop, from another thread; Postgres rolls it back."""
        connection = self._own
        if connection is not None:
            driver: Any = connection.connection.driver_connection
            with socket.socket(fileno=os.dup(driver.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _given(self, connection: Connection) -> Iterator[None]:
        """Let the pipeline have this transaction while the block runs."""
        self._own, self._lent = connection, None
        try:
            yield
        finally:
            self._take_back()
            self._own = None

    def _take_back(self) -> None:
        """End what the pipeline has of the transaction."""
        if self._lent is not None:
            self._lent.end()

    def _require_turn(self) -> None:
        if self._abandoned.is_set():
            raise AbandonedError
