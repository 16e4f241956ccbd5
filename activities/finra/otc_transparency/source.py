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


def read_source(params: dict[str, Any], tier: Tier, week_ending: date, heartbeat: Callable[..., None]) -> SourceBytes:
    """Read the week from where the params say; ``source`` is "file" or "api"."""
    path = params.get("file_path")
    kind = params.get("source") or ("file" if path else "api")
    if kind == "file":
        if not isinstance(path, str) or not path.strip():
            raise bad_param(
                "file_path is missing: source 'file' needs the path of a weekly file or of a folder of them"
            )
        found, data = read_file(path, tier, week_ending)
        return SourceBytes(source_type="file", uri=str(found), data=data)
    if kind == "api":
        uri, data = fetch_from_api(tier, week_ending, heartbeat)
        return SourceBytes(source_type="api", uri=uri, data=data)
    raise bad_param(f"source {kind!r} must be 'file' or 'api'")
