"""The worker's log: a failure of ours is told once, by us, with the user's frames."""

import logging

from temporalio.exceptions import ApplicationError

from spine_temporal.definition.user_code import is_raised_by_us


class _ToldAlready(logging.Filter):
    """Leaves out what Temporal's SDK logs of an activity's failure that the activity has logged itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be logged."""
        error = record.exc_info[1] if record.exc_info else None
        return not (isinstance(error, ApplicationError) and is_raised_by_us(error.__traceback__))


_TOLD_ALREADY = _ToldAlready()


def tell_failures_once() -> None:
    """Let Temporal's SDK log no activity's failure that we have told; asked again, it changes nothing."""
    logging.getLogger("temporalio.activity").addFilter(_TOLD_ALREADY)
