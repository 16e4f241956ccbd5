"""Who may decide of a held gate, what is asked of them, and when they are reminded."""

from collections.abc import Iterable
from dataclasses import dataclass

from spine_temporal.definition.errors import DefinitionError


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What a decision of a held gate needs; as it stands, anybody's word is enough. Durations in seconds."""

    #: Who may decide, as names or patterns such as ``*@finance.example``; empty: anybody.
    approvers: tuple[str, ...] = ()
    #: Whether a waiver must say what it rests on.
    evidence: bool = False
    #: Whether a waiver needs a second person.
    four_eyes: bool = False
    #: After which time people are reminded, again and again.
    remind: float | None = None
    #: After which time it is told that nobody has decided.
    escalate: float | None = None


def approval_of(
    step: str,
    *,
    approvers: Iterable[str],
    evidence: bool,
    four_eyes: bool,
    remind: float | None,
    escalate: float | None,
    at_deadline: str,
) -> Approval | None:
    """Return what a gate asks of who decides, None where it asks nothing; raise ``DefinitionError``."""
    if isinstance(approvers, str) or not all(isinstance(each, str) and each.strip() for each in approvers):
        raise DefinitionError(f"step {step!r}: approvers must be a list of names or patterns, not {approvers!r}")
    for name, value in (("evidence", evidence), ("four_eyes", four_eyes)):
        if not isinstance(value, bool):
            raise DefinitionError(f"step {step!r}: {name} must be True or False, not {value!r}")
    names = tuple(approvers)
    if four_eyes and len(names) == 1 and "*" not in names[0]:
        raise DefinitionError(f"step {step!r}: four_eyes needs two people, and approvers names {names[0]!r} alone")
    if at_deadline == "waive" and (evidence or four_eyes):
        raise DefinitionError(
            f"step {step!r}: at_deadline='waive' would let the gate pass without the evidence or the second person "
            "that it asks for; use at_deadline='abort'"
        )
    found = Approval(approvers=names, evidence=evidence, four_eyes=four_eyes, remind=remind, escalate=escalate)
    return None if found == Approval() else found
