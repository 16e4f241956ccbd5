"""What Temporal shows of a failure: its message and its type, and no frame of a library."""

from temporalio.api.failure.v1 import Failure
from temporalio.converter import (
    DefaultFailureConverter,
    DefaultFailureConverterWithEncodedAttributes,
    FailureConverter,
    PayloadConverter,
)

from spine_temporal.definition.user_code import is_raised_by_us, user_frames


class SpineFailureConverter(DefaultFailureConverter):
    """Temporal's converter, with the user's frames alone where the failure came through our code."""

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """Write the failure; called again for each cause."""
        whole = exception.__traceback__
        if is_raised_by_us(whole):
            exception.__traceback__ = user_frames(whole)
        try:
            super().to_failure(exception, payload_converter, failure)
        finally:
            exception.__traceback__ = whole


class EncodedSpineFailureConverter(SpineFailureConverter, DefaultFailureConverterWithEncodedAttributes):
    """The same, with message and stack trace where a codec encrypts them."""


def failure_converter_of(existing: type[FailureConverter]) -> type[FailureConverter]:
    """Return our converter in place of Temporal's own; another is the user's, and kept."""
    ours: dict[type[FailureConverter], type[FailureConverter]] = {
        DefaultFailureConverter: SpineFailureConverter,
        DefaultFailureConverterWithEncodedAttributes: EncodedSpineFailureConverter,
    }
    return ours.get(existing, existing)
