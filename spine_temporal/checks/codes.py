"""What a finding of ``check`` can be: its code, how grave it is, why it matters, and how it is mended."""

from dataclasses import dataclass
from enum import StrEnum


class FindingSeverity(StrEnum):
    """What becomes of a finding."""

    #: A worker refuses it, a run fails of it, or its answer differs from one time to the next.
    ERROR = "error"
    #: A rule of how workflows are written is broken.
    WARNING = "warning"
    #: Advice.
    HINT = "hint"


#: The groups of codes, by their first digit.
GROUPS = {
    "0": "What is checked",
    "1": "Code of a step gives the same answer each time",
    "2": "A gate answers",
    "3": "A gate is light",
    "4": "What is read is there",
    "5": "Workflows and pipelines",
    "6": "Tests and pages",
}


@dataclass(frozen=True, kw_only=True)
class Code:
    """A kind of finding; ``why`` and ``mend`` are one sentence each, and ``bad`` and ``good`` are lines of code."""

    name: str
    severity: FindingSeverity
    title: str
    why: str
    mend: str
    bad: str = ""
    good: str = ""

    @property
    def group(self) -> str:
        """The heading of its group."""
        return GROUPS[self.name[3]]
