"""A limit by key: how many attempts may use a source at once, and how many may begin in a second, over all workers."""

import math
import re
from dataclasses import KW_ONLY, dataclass

from spine_temporal.definition.errors import DefinitionError

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:\-]{0,99}")


@dataclass(frozen=True)
class Limit:
    """What pipelines that use one source may do together; those that give the same key share it.

    ``concurrency``: attempts at once. ``per_second``: attempts that begin in a second, not the requests that each of
    them makes. With neither, the key can only be closed: by a source that is busy (``SourceBusyError``), or a person.
    """

    key: str
    _: KW_ONLY
    concurrency: int | None = None
    per_second: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not _KEY.fullmatch(self.key):
            raise DefinitionError(
                f"Limit: key {self.key!r} must be 1 to 100 letters, digits, '_', '.', ':' or '-', and begin with a "
                "letter, digit or '_'"
            )
        if self.concurrency is not None and not (_is_number(self.concurrency, int) and self.concurrency >= 1):
            raise DefinitionError(
                f"Limit {self.key!r}: concurrency must be a whole number from 1, not {self.concurrency!r}"
            )
        if self.per_second is not None and not (
            _is_number(self.per_second, int | float) and 0.0001 <= self.per_second < math.inf
        ):
            raise DefinitionError(
                f"Limit {self.key!r}: per_second must be a number of at least 0.0001, not {self.per_second!r}"
            )


def _is_number(value: object, kind: object) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)  # type: ignore[arg-type]  # a class, or a union
