"""What a run has begun with, what a person wants of it, and the gates that it asks by themselves."""

from typing import Any

from ops.chaos.simulated.nodes import FAILED


class Options:
    """How a person wants an ended run to go on: ``ResumeOptions``."""

    __slots__ = ("request", "run", "start_from")

    def __init__(self, run: int, start_from: int | None, request: int) -> None:
        self.run, self.start_from, self.request = run, start_from, request


class Begun:
    """What a run works with from its beginning to its end: ``messages.Begun``."""

    __slots__ = ("earlier", "epoch", "kept", "lineage", "partition", "plan", "resume", "run")

    def __init__(self, plan: int, run: int, partition: int) -> None:
        self.plan, self.run, self.partition = plan, run, partition
        self.epoch = 0
        self.lineage: Any = run
        self.kept = 0
        #: How the run has ended that left nothing to do; empty: none has.
        self.earlier = ""
        self.resume: Options | None = None

    def under(self, epoch: int, lineage: Any, kept: int) -> "Begun":
        """Return it as it has begun."""
        begun = Begun(self.plan, self.run, self.partition)
        begun.epoch, begun.lineage, begun.kept = epoch, lineage, kept
        return begun


class Asking:
    """The gates of a door that are asked by themselves: ``PipelineRunner._recorded`` and ``_asked_again``."""

    __slots__ = ("code", "codes", "gates", "is_shut", "pipeline")

    def __init__(self, gates: tuple[int, ...], pipeline: int, code: int, codes: tuple[int, ...] = ()) -> None:
        self.gates, self.pipeline = gates, pipeline
        #: What the pipeline's activity has come to, and what the gates have answered so far.
        self.code, self.codes = code, codes
        #: Whether the last one of them has failed, and is asked again.
        self.is_shut = FAILED in codes

    @property
    def gate(self) -> int:
        """The gate that is asked next."""
        return self.gates[len(self.codes) - self.is_shut]
