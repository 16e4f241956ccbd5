"""Pipelines that a real Spine's own registry has, as ours. Here alone their shape is known."""

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from spine_temporal.definition.errors import DefinitionError, ErrorCategory, SpineError
from spine_temporal.definition.foreign_registry import foreign_pipelines
from spine_temporal.definition.pipeline import (
    Pipeline,
    PipelineResult,
    PipelineStatus,
    registered_pipelines,
    running_services,
)
from spine_temporal.recording.spine_connection import SpineConnection

#: Where a real Spine's pipelines get their connection.
_DB = "spine.framework.db"
#: What Spine's categories come to, of those that are not retryable and that we lack.
_CATEGORIES = {
    "VALIDATION": ErrorCategory.DATA_QUALITY,
    "PARSE": ErrorCategory.DATA_QUALITY,
    "CONFIG": ErrorCategory.CONFIGURATION,
    "AUTH": ErrorCategory.CONFIGURATION,
}


def known_pipelines() -> Mapping[str, type[Pipeline]]:
    """Return all pipelines by name: ours, and those of a real Spine's registry, where something has loaded it.

    Raises ``DefinitionError`` where both have one of the same name.
    """
    ours, theirs = registered_pipelines(), _foreign()
    for name in ours.keys() & theirs.keys():
        one, other = ours[name], theirs[name].foreign
        raise DefinitionError(
            f"pipeline {name!r} is registered twice: by {one.__module__}.{one.__qualname__} and, with Spine's own "
            f"register_pipeline, by {other.__module__}.{other.__qualname__}; rename one"
        )
    return {**ours, **theirs}


class ForeignPipeline(Pipeline):
    """Runs a pipeline of a real Spine; its connection is the step's transaction, where it asks Spine for one."""

    foreign: ClassVar[type]

    def run(self) -> Any:
        """Do the work as Spine's own runner does, and return its answer as ours."""
        db = sys.modules.get(_DB)
        if db is not None and getattr(db, "_connection_provider", None) is None:
            db.set_connection_provider(_step_connection)
        pipeline = self.foreign(params=self.params)
        try:
            _check(pipeline, self.params)
            return _answer(pipeline.run())
        except Exception as error:
            told = _told(error)
            if told is None:
                raise
            raise told from error


def _step_connection() -> SpineConnection:
    services = running_services()
    if services is None:
        raise SpineError(
            "no pipeline runs here, so there is no connection: set one with set_connection_provider()",
            ErrorCategory.CONFIGURATION,
        )
    return SpineConnection(services.connection, is_step=True)


def _foreign() -> Mapping[str, type[ForeignPipeline]]:
    return {name: _wrapped(name, cls) for name, cls in foreign_pipelines().items()}


@cache
def _wrapped(name: str, foreign: type) -> type[ForeignPipeline]:
    """Return the class of ours that runs a foreign one; it is found where that is."""
    of = {"name": name, "foreign": foreign, "__module__": foreign.__module__, "__qualname__": foreign.__qualname__}
    return type(foreign.__name__, (ForeignPipeline,), {**of, "__doc__": foreign.__doc__})


def _check(pipeline: Any, params: Mapping[str, Any]) -> None:
    """Validate as Spine's runner does: by the pipeline's spec, then by its own method."""
    spec = getattr(pipeline, "spec", None)
    found = spec.validate(dict(params)) if spec is not None else None
    if found is not None and not found.valid:
        raise SpineError(found.get_error_message(), ErrorCategory.CONFIGURATION)
    validate = getattr(pipeline, "validate_params", None)
    if validate is not None:
        validate()


def _answer(given: Any) -> Any:
    """Return a foreign ``PipelineResult`` as ours; what is none is told as the wrong answer that it is."""
    status: Any = str(getattr(getattr(given, "status", None), "value", "")).upper()
    if isinstance(given, PipelineResult) or not status:
        return given
    return PipelineResult(
        status=PipelineStatus.__members__.get(status, status),
        metrics=given.metrics or {},
        error=given.error,
        started_at=given.started_at,
        completed_at=given.completed_at,
    )


def _told(error: Exception) -> SpineError | None:
    """Return an error of Spine's own classes as ours, with the category that it comes to; None for any other."""
    if isinstance(error, SpineError) or not hasattr(error, "category") or not hasattr(error, "retryable"):
        return None
    word = str(getattr(error.category, "value", error.category)).upper()
    fallback = ErrorCategory.TRANSIENT if error.retryable else _CATEGORIES.get(word, ErrorCategory.INTERNAL)
    category = ErrorCategory.__members__.get(word, fallback)
    return SpineError(str(error), category, retry_after=getattr(error, "retry_after", None))
