"""The folder that the embedded servers keep their data in."""

from pathlib import Path

from spine_temporal.definition.errors import ErrorCategory, SpineError


def make_home(home: Path) -> None:
    """Make the folder where it is not there; raise ``SpineError`` where it cannot be written."""
    try:
        (home / "logs").mkdir(parents=True, exist_ok=True)
        (home / ".gitignore").write_text("*\n")
    except OSError as error:
        raise SpineError(
            f"the embedded servers cannot keep their data in {home} ({error.strerror})",
            ErrorCategory.CONFIGURATION,
            advice="set SPINE_HOME to a folder that can be written",
        ) from None
