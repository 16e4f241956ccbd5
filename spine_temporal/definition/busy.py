"""What a start does that finds its partition held by another run."""

from enum import StrEnum

from spine_temporal.definition.errors import DefinitionError


class OnBusy(StrEnum):
    """What a start does where another run holds its partition."""

    #: The start is refused, and names the holder.
    FAIL = "fail"
    #: The run waits, and takes the partition in the order in which the waiting runs came.
    QUEUE = "queue"
    #: The run waits, and ends where a newer start of this kind comes meanwhile.
    NEWEST = "newest"
    #: As ``newest``; and the run that holds the partition is asked to cancel.
    CANCEL_OLDER = "cancel_older"

    @property
    def waits(self) -> bool:
        """Whether the run waits for its partition."""
        return self is not OnBusy.FAIL

    @property
    def gives_way(self) -> bool:
        """Whether a waiting run ends where a newer one of this kind comes, which also ends those before it."""
        return self in {OnBusy.NEWEST, OnBusy.CANCEL_OLDER}


def on_busy_of(where: str, given: OnBusy | str) -> OnBusy:
    """Return the policy of that name; raise ``DefinitionError`` naming ``where`` it stands."""
    try:
        return OnBusy(given)
    except ValueError:
        raise DefinitionError(f"{where}: on_busy must be one of {', '.join(OnBusy)}, not {given!r}") from None
