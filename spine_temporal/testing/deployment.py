"""Tests of a build: histories replay with it, and workflows ask for what is pinned."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from spine_temporal.definition.workflow import Workflow
from spine_temporal.testing.loops import in_a_thread

if TYPE_CHECKING:
    from spine_temporal.replaying.histories import History


def replay_all(places: Path | str | Iterable[Path | str], workflows: Iterable[Workflow]) -> int:
    """Replay the histories of files, and of all ``*.json`` below folders; return how many there were.

    Raises ``AssertionError`` naming each run that diverges, its step and what the code asks for instead, and where no
    history was found.
    """
    __tracebackhide__ = True
    from spine_temporal.replaying.histories import read_histories  # noqa: PLC0415 - loads Temporal
    from spine_temporal.replaying.replay import replay_all as replayed_all  # noqa: PLC0415
    from spine_temporal.runtime.definitions import definitions_of  # noqa: PLC0415

    histories: list[History] = read_histories([Path(place) for place in _listed(places)])
    replayed = in_a_thread(replayed_all(histories, definitions_of(workflows)))
    wrong = [f"{each.history.name}: {each.problem}" for each in replayed if each.failed]
    if wrong:
        raise AssertionError("\n".join((f"{len(wrong)} of {len(replayed)} histories do not replay:", *wrong)))
    done = sum(not each.skipped for each in replayed)
    if not done:
        raise AssertionError(f"no history of a Spine workflow in {', '.join(map(str, _listed(places)))}")
    return done


def assert_pinned(workflow: Workflow, folder: Path | str = "tests/pins") -> None:
    """Assert that the workflow asks for what ``spine-temporal pin`` has kept of it."""
    __tracebackhide__ = True
    from spine_temporal.definition.pipeline import registered_pipelines  # noqa: PLC0415 - only here
    from spine_temporal.pins.checking import checked_pins  # noqa: PLC0415

    known = {each.name: each for each in _with_inner(workflow)}
    changed = checked_pins(Path(folder), [workflow.name], known, registered_pipelines(), is_all=False)
    if changed:
        lines = [f"  {change.effect}: {change}" for change in changed[workflow.name]]
        advice = "where this is meant, write the pins anew with `spine-temporal pin` and commit them"
        raise AssertionError("\n".join((f"workflow {workflow.name!r} is not as it was pinned:", *lines, advice)))


def _listed(places: Path | str | Iterable[Path | str]) -> list[Path | str]:
    return [places] if isinstance(places, Path | str) else list(places)


def _with_inner(workflow: Workflow) -> list[Workflow]:
    inner = [getattr(step, "workflow", None) for step in workflow.all_steps]
    return [workflow, *(found for each in inner if isinstance(each, Workflow) for found in _with_inner(each))]
