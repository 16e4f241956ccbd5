"""Where a week's bytes come from."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from activities.finra.otc_transparency.api_source import fetch_from_api
from activities.finra.otc_transparency.file_source import read_file
from activities.finra.otc_transparency.week import Tier, bad_param


@dataclass(frozen=True, kw_only=True)
class SourceBytes:
    """A week as it was received, in the weekly file's format."""

    source_type: str
    uri: str
    data: bytes


def source_type_of(params: dict[str, Any]) -> str:
    """Return "file" or "api": what the params say, else a file where a path is given."""
    kind = params.get("source") or ("file" if params.get("file_path") else "api")
    if kind not in {"file", "api"}:
        raise bad_param(f"source {kind!r} must be 'file' or 'api'")
    return str(kind)


def read_source(
    params: dict[str, Any], tier: Tier, week_ending: date | None, today: date, heartbeat: Callable[..., None]
) -> SourceBytes:
    """Read the week from where the params say; only a file may come without a week."""
    path = params.get("file_path")
    if source_type_of(params) == "file":
        if not isinstance(path, str) or not path.strip():
            raise bad_param(
                "file_path is missing: source 'file' needs the path of a weekly file or of a folder of them"
            )
        found, data = read_file(path, tier, week_ending)
        return SourceBytes(source_type="file", uri=str(found), data=data)
    if week_ending is None:
        raise bad_param("week_ending is missing: only a file can tell its week itself")
    uri, data = fetch_from_api(tier, week_ending, heartbeat, today=today)
    return SourceBytes(source_type="api", uri=uri, data=data)
