"""``spine-temporal``: the commands, and the one place where errors become a line and an exit code."""

import importlib.metadata
import importlib.util
import logging
import os
import sys
from enum import IntEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from spine_temporal.cli import decide, doctor, operate, records, resume, runs
from spine_temporal.definition.errors import DefinitionError, ErrorCategory, SpineError
from spine_temporal.settings import Settings


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


app = typer.Typer(
    name="spine-temporal",
    help="Run Spine workflows as durable Temporal workflows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"spine-temporal {importlib.metadata.version('spine-temporal')}")
        raise typer.Exit


@app.callback()
def _program(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    pass


operate.add_to(app)
runs.add_to(app)
resume.add_to(app)
decide.add_to(app)
doctor.add_to(app)
records.add_to(app)


def main() -> None:
    """Run a command; a user's mistake is one line on stderr and never a traceback."""
    _add_service_commands(app)
    try:
        code = app(standalone_mode=False)
    except typer.Exit as stop:
        code = stop.exit_code
    except (DefinitionError, SpineError) as error:
        _say(str(error))
        unreachable = isinstance(error, SpineError) and error.category is ErrorCategory.DEPENDENCY
        code = ExitCode.UNREACHABLE if unreachable else ExitCode.WRONG_CALL
    except RuntimeError as error:
        code = _embedded(error)
    except (KeyboardInterrupt, typer.Abort):
        code = ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - told below, or raised on
        code = _usage(error)
    _leave(code if isinstance(code, int) else 0)


def _leave(code: int) -> NoReturn:
    """End the process here: everything is closed, and Temporal's native threads must not meet Python's own ending.

    They have been seen to abort an interpreter that was shutting down, which gives a command another exit code.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _embedded(error: RuntimeError) -> int:
    from spine_temporal.embedded.errors import EmbeddedError  # noqa: PLC0415 - only on this way out

    if not isinstance(error, EmbeddedError):
        raise error
    _say(str(error))
    return ExitCode.UNREACHABLE


def _usage(error: Exception) -> int:
    """Show a wrong option or argument as typer does; anything else is a fault of ours."""
    show = getattr(error, "show", None)
    if show is None:
        raise error
    show()
    return ExitCode.WRONG_CALL


def _say(message: str) -> None:
    typer.echo(f"error: {message}", err=True)


def _add_service_commands(to: typer.Typer) -> None:
    """Add the commands of the service's domains: each ``commands.py`` in its packages that has an ``app``."""
    sys.path.insert(0, "")
    for module in Settings.from_environment().modules:
        spec = None if module.endswith(".py") else importlib.util.find_spec(module)
        for location in (spec.submodule_search_locations or []) if spec else []:
            for path in sorted(Path(location).glob("**/commands.py")):
                parts = path.relative_to(location).with_suffix("").parts
                found = importlib.import_module(".".join((module, *parts)))
                to.add_typer(found.app)
