"""A pipeline: the class that does a step's work, and the registry that finds it by name."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeVar

from spine_temporal.definition.errors import DefinitionError, ErrorCategory
from spine_temporal.definition.severity import Severity
from spine_temporal.definition.step_result import QualityMetrics


class PipelineStatus(StrEnum):
    """How a pipeline's execution stands; the values are the ledger's."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    #: Completed, and a person has sent the work back to the step since: its output holds no longer.
    SUPERSEDED = "SUPERSEDED"
    #: Nothing is known of its attempts but that their workers are gone.
    LOST = "LOST"


@dataclass(frozen=True, kw_only=True)
class PipelineResult:
    """What a pipeline's ``run`` returns; its ``metrics`` are the step's output.

    ``metrics`` must be JSON: counts, ids and measures, never rows. ``row_count`` among them goes to the manifest
    and the ledger.
    """

    status: PipelineStatus = PipelineStatus.COMPLETED
    metrics: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    category: ErrorCategory = ErrorCategory.INTERNAL
    quality: QualityMetrics | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None

    @classmethod
    def ok(cls, **metrics: Any) -> "PipelineResult":
        """Succeed with these metrics as the step's output."""
        return cls(metrics=metrics)

    @classmethod
    def fail(cls, error: str, category: ErrorCategory = ErrorCategory.INTERNAL) -> "PipelineResult":
        """Fail the step; a category that is not retryable ends the run."""
        return cls(status=PipelineStatus.FAILED, error=error, category=category)


class PipelineServices(Protocol):
    """What a driver gives to a pipeline while it runs; ``Pipeline`` says what each is."""

    @property
    def connection(self) -> Any: ...  # noqa: D102
    @property
    def idempotency_key(self) -> str: ...  # noqa: D102
    @property
    def run_id(self) -> str: ...  # noqa: D102
    @property
    def partition(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def attempt(self) -> int: ...  # noqa: D102
    @property
    def progress(self) -> tuple[Any, ...]: ...  # noqa: D102
    def transaction(self) -> AbstractContextManager[Any]: ...  # noqa: D102
    def heartbeat(self, *details: Any) -> None: ...  # noqa: D102
    def record_anomaly(  # noqa: D102
        self, category: str, message: str, *, severity: str, metadata: Mapping[str, Any] | None
    ) -> None: ...


class Pipeline:
    """The work of one pipeline step: subclass it, write ``run``, name it with ``@register_pipeline``.

    ``run`` executes in a process of the worker, which may serve other attempts before and after. What it writes
    through ``self.connection`` is committed together with the step's ledger and manifest rows, once, however often the
    step is attempted.
    """

    #: The registered name, which is also the Temporal activity type. Set by ``register_pipeline``.
    name: ClassVar[str] = ""
    #: False: the pipeline commits in parts, with ``self.transaction()``, or works outside of Postgres. Such work may
    #: be done again from the last progress that was told, so each part must be safe to repeat.
    transactional: ClassVar[bool] = True

    def __init__(self, params: Mapping[str, Any], services: PipelineServices | None = None) -> None:
        self.params: dict[str, Any] = dict(params)
        self._services = services

    def run(self) -> "PipelineResult | Mapping[str, Any] | None":
        """Do the work and return its metrics; raise ``SpineError`` with a category to fail."""
        raise DefinitionError(f"pipeline {self.name or type(self).__name__!r} has no run(): write one")

    @classmethod
    def fingerprint(cls, params: Mapping[str, Any]) -> Any:
        """Return what the step's input is now, as JSON: of a file its size and hash. None: the pipeline does not say.

        Where a partition is completed and the fingerprint has changed since, a start is a new run and no reuse. It is
        asked when a run begins, so it must be quick and change nothing.
        """
        del params
        return None

    @property
    def services(self) -> PipelineServices:
        """What the driver gives; a pipeline made by hand without it has no connection."""
        if self._services is None:
            raise DefinitionError(
                f"pipeline {self.name or type(self).__name__!r} was made without services: run it in a workflow, "
                "or pass services= (spine_temporal.testing has them)"
            )
        return self._services

    @property
    def connection(self) -> Any:
        """The SQLAlchemy connection, inside the transaction that the step commits, and that is not to be ended here."""
        return self.services.connection

    def transaction(self) -> AbstractContextManager[Any]:
        """Open a transaction of a pipeline that is not ``transactional``: ``with self.transaction() as connection``.

        It commits where the block ends well, and refuses where another attempt or another run has taken over.
        """
        return self.services.transaction()

    @property
    def progress(self) -> tuple[Any, ...]:
        """What the last attempt told with ``heartbeat`` before it was lost; empty at first.

        The very last words may be missing, as heartbeats are sent from time to time.
        """
        return self.services.progress

    @property
    def idempotency_key(self) -> str:
        """The execution id: the same for every attempt of this step in this run."""
        return self.services.idempotency_key

    @property
    def run_id(self) -> str:
        """The id of the run that this step belongs to."""
        return self.services.run_id

    @property
    def partition(self) -> Mapping[str, Any]:
        """The params that identify what this run works on."""
        return self.services.partition

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self.services.attempt

    def heartbeat(self, *details: Any) -> None:
        """Tell Temporal how far the work is, for the attempt that may have to go on; raises where it was cancelled.

        ``details`` are JSON and small: a position, a count. A pipeline need not call it to stay alive.
        """
        self.services.heartbeat(*details)

    def record_anomaly(
        self,
        category: str,
        message: str,
        *,
        severity: str = Severity.WARN,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Write an anomaly row in this step's transaction; the same category is one row however often it is retried."""
        self.services.record_anomaly(category, message, severity=severity, metadata=metadata)


_running: ContextVar[PipelineServices | None] = ContextVar("services_of_the_running_pipeline", default=None)


@contextmanager
def running(services: PipelineServices) -> Iterator[None]:
    """Let code that a pipeline calls find its services, while the block runs."""
    token = _running.set(services)
    try:
        yield
    finally:
        _running.reset(token)


def running_services() -> PipelineServices | None:
    """Return the services of the pipeline that runs in this thread, None where none does."""
    return _running.get()


P = TypeVar("P", bound=type[Pipeline])

_PIPELINES: dict[str, type[Pipeline]] = {}
_paused: ContextVar[bool] = ContextVar("registration_paused", default=False)


@contextmanager
def registration_paused() -> Iterator[None]:
    """Let a module be loaded a second time, as Temporal's sandbox does, without touching the registry."""
    token = _paused.set(True)
    try:
        yield
    finally:
        _paused.reset(token)


def is_registration_paused() -> bool:
    """Return whether a module is being loaded a second time."""
    return _paused.get()


def register_pipeline(name: str) -> Callable[[P], P]:
    """Name a pipeline class, so that steps and activities find it.

    Raises ``DefinitionError`` where the name is empty or taken by another class, or the class is no ``Pipeline`` or has
    no ``run``.
    """
    if not isinstance(name, str) or not name.strip():
        raise DefinitionError(f"a pipeline's name must be a non-empty string, not {name!r}")

    def register(cls: P) -> P:
        if not (isinstance(cls, type) and issubclass(cls, Pipeline)):
            raise DefinitionError(f"pipeline {name!r}: {cls!r} must be a subclass of Pipeline")
        if cls.run is Pipeline.run:
            raise DefinitionError(f"pipeline {name!r}: {cls.__qualname__} has no run(): write one")
        cls.name = name
        if _paused.get():
            return cls
        taken = _PIPELINES.get(name)
        if taken is not None and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
            raise DefinitionError(
                f"pipeline {name!r} is registered twice: by {taken.__module__}.{taken.__qualname__} "
                f"and by {cls.__module__}.{cls.__qualname__}; rename one"
            )
        _PIPELINES[name] = cls
        return cls

    return register


def registered_pipelines() -> Mapping[str, type[Pipeline]]:
    """Return the registered pipelines by name."""
    return dict(_PIPELINES)


def list_pipelines() -> list[str]:
    """Return the names of the registered pipelines, in order."""
    return sorted(_PIPELINES)


def get_pipeline(name: str) -> type[Pipeline]:
    """Return the pipeline of that name; raise ``KeyError`` naming those that there are."""
    if name not in _PIPELINES:
        raise KeyError(f"pipeline {name!r} is not registered: there are {', '.join(list_pipelines()) or 'none'}")
    return _PIPELINES[name]
