"""Reading what a start brings: a payload that cannot be read fails the run with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter, ToJsonOptions
from temporalio.converter import CompositePayloadConverter
from temporalio.exceptions import ApplicationError, FailureError

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.json_values import clean_text

#: Characters of the reason that are told.
_LONGEST = 300


#: Temporal makes a converter anew for about every payload; the parts, with their pydantic adapters, are made once.
#: Fields of models that were not set have their defaults, and are left out.
_PARTS = tuple(PydanticPayloadConverter(ToJsonOptions(exclude_unset=True)).converters.values())


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """Stands for an argument that cannot be read, so that the run can record why it is refused."""

    reason: str


class SpinePayloadConverter(CompositePayloadConverter):
    """Pydantic's converter, with errors that say which payload it was and what is wrong with it."""

    def __init__(self) -> None:
        super().__init__(*_PARTS)

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        """Return the values; for one that cannot be read, ``Unreadable`` where anything may stand.

        Elsewhere it raises an ``ApplicationError`` of category CONFIGURATION.
        """
        pairs = zip_longest(payloads, type_hints or [])
        return [self._value(position, payload, hint) for position, (payload, hint) in enumerate(pairs, 1)]

    def _value(self, position: int, payload: Payload, hint: type | None) -> Any:
        try:
            return super().from_payloads([payload], None if hint is None else [hint])[0]
        except FailureError:
            raise
        except Exception as error:
            reason = (
                f"argument {position} cannot be read ({_reason(error)}): pass params, and run options after them, as "
                "JSON objects with the encoding json/plain"
            )
            if hint is None or hint is Any:
                return Unreadable(reason=reason)
            raise ApplicationError(reason, type=ErrorCategory.CONFIGURATION.value, non_retryable=True) from error


def _reason(error: Exception) -> str:
    """Return what is wrong in one line, without the value."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = lines[1] if len(lines) > 1 and "validation error" in lines[0] else (lines or [type(error).__name__])[0]
    return clean_text(told.partition(" [type=")[0], _LONGEST)
