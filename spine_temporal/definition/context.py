"""What a gate sees of its run: params, earlier outputs, the partition. Never changed in place."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from spine_temporal.definition.errors import ErrorCategory, SpineError

Model = TypeVar("Model", bound=BaseModel)

#: Key under which modules written for the older implementation look for a pipeline's metrics.
LEGACY_METRICS = "pipeline_result"


class StepOutput(dict[str, Any]):
    """A step's output: a dict that also has its metrics where the older implementation does."""

    def __missing__(self, key: str) -> Any:
        if key == LEGACY_METRICS:
            return _LegacyResult(self)
        raise KeyError(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of ``key``, else ``default``."""
        try:
            return self[key]
        except KeyError:
            return default


class _LegacyResult(StepOutput):
    """What the older implementation keeps of a pipeline: its metrics below ``metrics``, beside a status; and flat."""

    def __missing__(self, key: str) -> Any:
        match key:
            case "metrics":
                return dict(self)
            case "status":
                return "completed"
        return super().__missing__(key)


@dataclass(frozen=True, kw_only=True)
class WorkflowContext:
    """The state of a run as a gate, a choice and a test of either see it."""

    params: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    partition: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""
    workflow_name: str = ""
    #: When the run started (UTC); the same on every replay, unlike the clock.
    started_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    is_dry_run: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", copy.deepcopy(dict(self.params)))

    def get_param(self, name: str, default: Any = None) -> Any:
        """Return the run's param, else ``default``."""
        return self.params.get(name, default)

    def get_output(self, step: str, key: str | None = None, default: Any = None) -> Any:
        """Return what ``step`` gave, or the value of ``key`` in it; ``default`` where it has not run or lacks it."""
        output = self.outputs.get(step)
        if output is None:
            return default
        mine = StepOutput(copy.deepcopy(dict(output)))
        return mine if key is None else mine.get(key, default)

    def params_as(self, model: type[Model]) -> Model:
        """Return the run's params as a pydantic model; raises its ``ValidationError`` where they do not fit."""
        return model.model_validate(dict(self.params))

    def output_as(self, step: str, model: type[Model]) -> Model:
        """Return what ``step`` gave as a pydantic model; raises ``SpineError`` naming the field that does not fit."""
        try:
            return model.model_validate(self.outputs.get(step, {}))
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in problem["loc"])
            raise SpineError(
                f"output {where!r} of step {step!r} is no {model.__name__}: {problem['msg']}",
                ErrorCategory.DATA_QUALITY,
            ) from None

    def has_output(self, step: str, key: str | None = None) -> bool:
        """Return whether ``step`` has completed, with ``key`` in its output where one is named."""
        output = self.outputs.get(step)
        return output is not None and (key is None or key in output)

    def with_output(self, step: str, output: Mapping[str, Any]) -> "WorkflowContext":
        """Return a context in which ``step`` has given ``output``."""
        return replace(self, outputs={**self.outputs, step: dict(output)})

    def with_params(self, **params: Any) -> "WorkflowContext":
        """Return a context with these params set."""
        return replace(self, params={**self.params, **params})
