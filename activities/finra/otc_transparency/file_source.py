"""Weekly files: one file, a folder of them, plain or packed with gzip or zip."""

import gzip
import io
import zipfile
import zlib
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from activities.finra.otc_transparency.week import Tier, bad_param, publication_monday
from spine_temporal import ErrorCategory, SpineError

#: Bytes that a file may have, unpacked.
MAX_UNPACKED = 512 * 1024 * 1024


class Readable(Protocol):
    """What both archives give: bytes on demand."""

    def read(self, size: int = -1, /) -> bytes: ...  # noqa: D102


def read_file(given: str, tier: Tier, week_ending: date | None) -> tuple[Path, bytes]:
    """Return the file's path and unpacked bytes; in a folder, the file of this tier's publication week."""
    try:
        path = Path(given).expanduser()
        if path.is_dir():
            path = _in_folder(path, tier, week_ending)
        return path, _unpacked(path, _bytes(path))
    except (OSError, ValueError, RuntimeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise _not_found(f"{given}: {reason}; check file_path") from None


def _bytes(path: Path) -> bytes:
    # A pipe or a device would be read for ever.
    if path.exists() and not path.is_file():
        raise _not_found(f"{path}: is no regular file; check file_path")
    with path.open("rb") as file:
        return _capped(path, file)


def _in_folder(folder: Path, tier: Tier, week_ending: date | None) -> Path:
    if week_ending is None:
        raise bad_param(f"week_ending is missing: the folder {folder} may hold many weeks")
    monday = publication_monday(week_ending, tier)
    days = [monday + timedelta(days=offset) for offset in range(5)]
    for day in days:
        for ending in ("", ".gz", ".zip"):
            path = folder / f"finra_otc_weekly_{tier.file_token}_{day:%Y%m%d}.csv{ending}"
            if path.is_file():
                return path
    raise _not_found(
        f"{folder}: the folder has no finra_otc_weekly_{tier.file_token}_{monday:%Y%m%d}.csv, the file in which "
        f"{tier.name} of week ending {week_ending} is published; name the file itself, or put it there"
    )


def _unpacked(path: Path, data: bytes) -> bytes:
    try:
        if data[:2] == b"\x1f\x8b":
            with gzip.open(io.BytesIO(data)) as packed:
                return _capped(path, packed)
        if data[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = archive.namelist()
                if len(names) != 1:
                    raise _not_found(f"{path}: the zip has {len(names)} members, and must have one")
                with archive.open(names[0]) as packed:
                    return _capped(path, packed)
    # An encrypted member is a RuntimeError; an unknown method a NotImplementedError, which is one too.
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise _not_found(f"{path}: cannot be unpacked: {error}; fetch it again") from None
    return data


def _capped(path: Path, packed: Readable) -> bytes:
    data = packed.read(MAX_UNPACKED + 1)
    if len(data) > MAX_UNPACKED:
        raise _not_found(f"{path}: has more than {MAX_UNPACKED:,} bytes, which no weekly file has; check file_path")
    return data


def _not_found(message: str) -> SpineError:
    return SpineError(message, ErrorCategory.CONFIGURATION, code="SOURCE_NOT_FOUND")
