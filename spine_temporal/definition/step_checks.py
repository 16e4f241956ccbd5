"""What every kind of step is checked for when it is made."""

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.json_values import JsonValueError, to_json
from spine_temporal.definition.policies import ErrorPolicy

#: Stages that the run itself reaches; a step may not claim them.
RUN_STAGES = ("STARTED", "COMPLETED", "PARTIAL", "FAILED", "CANCELLED")
#: Nothing given.
NOTHING: Mapping[str, Any] = MappingProxyType({})

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")
_STAGE = re.compile(r"[A-Z0-9_]{1,120}")


def check_step(step: Any) -> None:
    """Refuse a wrong name, stage or error policy; give the step its stage."""
    if not isinstance(step.name, str) or not _NAME.fullmatch(step.name):
        raise DefinitionError(
            f"step name {step.name!r} must be 1 to 100 letters, digits, '_', '.' or '-', and not begin with '.' or '-'"
        )
    stage = step.stage or f"STEP_{re.sub(r'[^A-Z0-9_]', '_', step.name.upper())}"
    if not isinstance(stage, str) or not _STAGE.fullmatch(stage) or stage in RUN_STAGES:
        raise DefinitionError(
            f"step {step.name!r}: stage {stage!r} must be capital letters, digits and '_', and none of the run's own "
            f"({', '.join(RUN_STAGES)})"
        )
    freeze(step, "stage", stage)


def refuse_hold(step: Any) -> None:
    """Refuse HOLD for a step that is no gate."""
    if step.on_error is ErrorPolicy.HOLD:
        raise DefinitionError(
            f"step {step.name!r}: only a gate can be held, as a person overrules a verdict and not a fault: put a "
            "Step.lambda_ with on_error=HOLD behind it"
        )


def refuse_retry(step: Any) -> None:
    """Refuse HOLD and RETRY for a step that consists of others."""
    refuse_hold(step)
    if step.on_error is ErrorPolicy.RETRY:
        raise DefinitionError(
            f"step {step.name!r} is not tried again as a whole: give RETRY to the pipelines in it, and STOP or "
            "CONTINUE to it"
        )


def freeze(step: Any, name: str, value: Any) -> None:
    """Set a field of a frozen step, while it is made."""
    object.__setattr__(step, name, value)


def json_mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Return a dict as read-only JSON; raise ``DefinitionError`` naming the value that is not JSON."""
    if not isinstance(value, Mapping):
        raise DefinitionError(f"{where} must be a dict, not {type(value).__name__}")
    try:
        return MappingProxyType(to_json(value, where))
    except JsonValueError as error:
        raise DefinitionError(str(error)) from None


def json_or_function(step: Any, name: str) -> None:
    """Freeze a dict of JSON; leave a function of the context as it is."""
    value = getattr(step, name)
    if not callable(value):
        freeze(step, name, json_mapping(value, f"step {step.name!r}: {name}"))


def check_concurrency(step: Any) -> None:
    """Refuse a ``max_concurrency`` that is no count."""
    value = step.max_concurrency
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000):
        raise DefinitionError(
            f"step {step.name!r}: max_concurrency must be a whole number from 1 to 1000, not {value!r}"
        )


def error_policy(name: str, value: ErrorPolicy | str) -> ErrorPolicy:
    """Return the policy of that name."""
    try:
        return ErrorPolicy(str(value).upper())
    except ValueError:
        raise DefinitionError(
            f"step {name!r}: on_error must be one of {', '.join(ErrorPolicy)}, not {value!r}"
        ) from None


def moment(name: str, given: datetime | str | None) -> datetime | None:
    """Return a time that was given as text or as itself."""
    if given is None or isinstance(given, datetime):
        return given
    try:
        return datetime.fromisoformat(given)
    except (TypeError, ValueError):
        raise DefinitionError(
            f"step {name!r}: until {given!r} must be a time in ISO 8601, such as 2025-12-29T13:00:00+00:00"
        ) from None
