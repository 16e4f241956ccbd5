"""The name that was meant, where one is misspelled."""

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """Return the name that is most like this one, None where none is; ``likeness`` 1 is the same."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=likeness)
    return close[0] if close else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the end of a message that asks for the name that was meant; nothing where none is near."""
    close = nearest(name, names)
    return f"; did you mean {close!r}?" if close else ""
