"""Why a person does something: a command that keeps it on the record does nothing without it."""

from typing import Annotated

import typer

from spine_temporal.definition.errors import ParamsError

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; required, and kept on the record.")]


def require_reason(reason: str) -> None:
    """Raise ``ParamsError`` where none is given."""
    if not reason.strip():
        raise ParamsError("--reason TEXT is missing: why is kept on the record")
