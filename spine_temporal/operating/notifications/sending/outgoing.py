"""What is sent, and how sending fails."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A batch as it goes out; the same batch again has the same id."""

    batch_id: UUID
    at: datetime
    subject: str
    text: str
    json: dict[str, Any]


class SendingError(Exception):
    """Raised where a channel has not taken a message."""

    def __init__(self, message: str, *, is_final: bool = False, retry_after: float | None = None) -> None:
        """``is_final``: the channel will not take it later either. ``retry_after``: seconds that it asks for."""
        super().__init__(message)
        self.is_final = is_final
        self.retry_after = retry_after
