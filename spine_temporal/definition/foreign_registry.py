"""A real Spine's registry of pipelines, as far as it must be known here."""

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from spine_temporal.definition.pipeline import is_registration_paused, register_pipeline

_REGISTRY, _FRAMEWORK = "spine.framework.registry", "spine.framework"
#: Marks a decorator that heeds pauses.
_HEEDS = "_spine_temporal_heeds_pauses"


def foreign_pipelines() -> Mapping[str, type]:
    """Return what a real Spine's registry has; nothing where it is not loaded, or is only ours under Spine's name.

    What is registered counts: to ask Spine for a list would load all domains that Spine itself knows.
    """
    registry: Any = sys.modules.get(_REGISTRY)
    if registry is None or getattr(registry, "register_pipeline", None) is register_pipeline:
        return {}
    known: Mapping[str, type] | None = getattr(registry, "_registry", None)
    if known is None:
        return {name: registry.get_pipeline(name) for name in registry.list_pipelines()}
    return dict(known)


def heed_pauses() -> None:
    """Let a real Spine's decorator heed a pause of registration, as ours does: it refuses a name the second time."""
    for name in (_REGISTRY, _FRAMEWORK):
        module: Any = sys.modules.get(name)
        register = getattr(module, "register_pipeline", register_pipeline)
        if register is not register_pipeline and not hasattr(register, _HEEDS):
            module.register_pipeline = _heeding(register)


def _heeding(register: Callable[[str], Callable[[type], type]]) -> Callable[[str], Callable[[type], type]]:
    @wraps(register)
    def heeding(name: str, *others: Any) -> Callable[[type], type]:
        return (lambda cls: cls) if is_registration_paused() else register(name, *others)

    setattr(heeding, _HEEDS, True)
    return heeding
