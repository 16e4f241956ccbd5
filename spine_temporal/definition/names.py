"""The name that was meant, where one is misspelled."""

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """Return the known name that is most like this one, or None; ``likeness`` 1 asks for the same name."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=likeness)
    return close[0] if close else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` to end a message with, or nothing if no known name is near."""
    close = nearest(name, names)
    return f"; did you mean {close!r}?" if close else ""
