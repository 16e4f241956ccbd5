"""``spine-temporal``: the commands, and how the program ends."""

import importlib.metadata
import logging
import os
import sys
from contextlib import nullcontext, suppress
from typing import Annotated, NoReturn

import typer

from spine_temporal.cli import (
    backfill,
    check,
    coverage,
    decide,
    diff,
    doctor,
    lateness,
    ledger,
    limits,
    listing,
    logs,
    new,
    notifications,
    operate,
    pictures,
    pin,
    records,
    replay,
    resume,
    runs,
    schedules,
    stopping,
    why,
)
from spine_temporal.cli.errors import ExitCode, tell
from spine_temporal.cli.service_commands import add_service_commands

#: What a shell sets that asks for completions.
_COMPLETING = "_SPINE_TEMPORAL_COMPLETE"

app = typer.Typer(
    name="spine-temporal",
    help="Run Spine workflows as durable Temporal workflows.",
    no_args_is_help=True,
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
new.add_to(app)
check.add_to(app)
runs.add_to(app)
why.add_to(app)
resume.add_to(app)
decide.add_to(app)
doctor.add_to(app)
stopping.add_to(app)
limits.add_to(app)
backfill.add_to(app)
coverage.add_to(app)
listing.add_to(app)
schedules.add_to(app)
lateness.add_to(app)
ledger.add_to(app)
records.add_to(app)
logs.add_to(app)
notifications.add_to(app)
replay.add_to(app)
pin.add_to(app)
pictures.add_to(app)
diff.add_to(app)


def main() -> None:
    """Run a command; a user's mistake is a sentence on stderr and never a traceback."""
    try:
        with suppress(Exception) if _COMPLETING in os.environ else nullcontext():
            add_service_commands(app)
        code = app(standalone_mode=False)
    except typer.Exit as stop:
        code = stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - told, or raised on
        code = tell(error, as_json="--json" in sys.argv[1:])
    _leave(code if isinstance(code, int) else 0)


def _leave(code: int) -> NoReturn:
    """End the process here: everything is closed, and Temporal's native threads must not meet Python's own ending.

    They have been seen to abort an interpreter that was shutting down, which gives a command another exit code.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
