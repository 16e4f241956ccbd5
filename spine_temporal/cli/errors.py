"""What a command tells of an error, to a person and as JSON, and its exit code. Every error comes through here."""

import re
import shlex
import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import typer

from spine_temporal.definition.errors import DefinitionError, ErrorCategory, SpineError

#: Answers of Temporal to a call that is wrong; any other says that it is away, or too busy.
_REFUSALS = {
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "FAILED_PRECONDITION",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
}


_SEE_HELP = "see --help"
#: How typer complains of ``run WORKFLOW day=2026-01-05``.
_BARE_PAIR = re.compile(r"unexpected extra argument.* \((\w+=\S+?)[ )]")


class ExitCode(IntEnum):
    """What a script learns from how a command ended."""

    COMPLETED = 0
    #: The workflow failed.
    FAILED = 1
    #: The call was wrong: command, workflow, params, settings.
    WRONG_CALL = 2
    #: Temporal or Postgres could not be reached.
    UNREACHABLE = 3
    INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """An error in words; ``advice`` is the part of the message that says what to do."""

    category: ErrorCategory
    message: str
    advice: str | None = None

    @property
    def exit_code(self) -> ExitCode:
        """What a script learns of it."""
        return ExitCode.UNREACHABLE if self.category is ErrorCategory.DEPENDENCY else ExitCode.WRONG_CALL


def tell(error: Exception, *, as_json: bool) -> int:
    """Tell an error in a sentence on stderr, as JSON on stdout too; raise on what is a fault of ours."""
    complaint = complaint_of(error)
    if as_json:
        _print_json(complaint or _fault(error))
    if complaint is None:
        raise error
    show = getattr(error, "show", None)
    if show is not None:
        show()
        if complaint.advice != _SEE_HELP:
            typer.echo(complaint.advice, err=True)
    else:
        typer.echo(f"error: {complaint.message}", err=True)
    return complaint.exit_code


def complaint_of(error: Exception) -> Complaint | None:
    """Return what there is to tell of an error that the user can do something about; None for any other."""
    from spine_temporal.embedded.errors import EmbeddedError  # noqa: PLC0415 - only on this way out

    if isinstance(error, SpineError):
        return Complaint(category=error.category, message=str(error), advice=error.advice)
    if isinstance(error, DefinitionError):
        return Complaint(category=ErrorCategory.CONFIGURATION, message=str(error))
    if isinstance(error, EmbeddedError):
        return Complaint(category=ErrorCategory.DEPENDENCY, message=str(error))
    words = getattr(error, "format_message", None)
    if words is not None:  # a wrong option or argument, which typer shows itself
        return Complaint(category=ErrorCategory.CONFIGURATION, message=words(), advice=_advice_of(words()))
    return _of_temporal(error)


def _advice_of(wrong: str) -> str:
    """Return what to do about a wrong call, where it is a usual one."""
    pair = _BARE_PAIR.search(wrong)
    return f"give it as a param: -p {shlex.quote(pair[1])}" if pair else _SEE_HELP


def _of_temporal(error: Exception) -> Complaint | None:
    """Return why a call to a Temporal that had answered before has failed: it is away now, or it refuses the call."""
    service: Any = sys.modules.get("temporalio.service")
    if service is None or not isinstance(error, service.RPCError):
        return None
    if error.status.name in _REFUSALS:
        message = f"Temporal refuses the call ({error.status.name}): {error.message}"
        return Complaint(category=ErrorCategory.CONFIGURATION, message=message)
    advice = "look with `spine-temporal info` whether it runs"
    message = f"Temporal does not answer any more ({error.message}): {advice}"
    return Complaint(category=ErrorCategory.DEPENDENCY, message=message, advice=advice)


def _fault(error: Exception) -> Complaint:
    return Complaint(category=ErrorCategory.INTERNAL, message=f"{type(error).__name__}: {error}")


def _print_json(complaint: Complaint) -> None:
    from spine_temporal.cli.printing import print_json  # noqa: PLC0415 - only on this way out

    error = {"category": complaint.category.value, "message": complaint.message, "advice": complaint.advice}
    print_json({"error": error})
