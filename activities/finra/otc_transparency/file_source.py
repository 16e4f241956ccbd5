"""Weekly files: one file, a folder of them, plain or packed with gzip or zip."""

import gzip
import io
import zipfile
import zlib
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from activities.finra.otc_transparency.week import Tier, publication_monday
from spine_temporal import ErrorCategory, SpineError

#: Bytes that a packed file may unpack to.
MAX_UNPACKED = 512 * 1024 * 1024


class Readable(Protocol):
    """What both archives give: bytes on demand."""

    def read(self, size: int = -1, /) -> bytes: ...  # noqa: D102


def read_file(given: str, tier: Tier, week_ending: date) -> tuple[Path, bytes]:
    """Return the file's path and unpacked bytes; in a folder, the file of this tier's publication week."""
    path = Path(given).expanduser()
    if path.is_dir():
        path = _in_folder(path, tier, week_ending)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _not_found(f"{given}: {error.strerror or error}; check file_path") from None
    return path, _unpacked(path, data)


def _in_folder(folder: Path, tier: Tier, week_ending: date) -> Path:
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
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise _not_found(f"{path}: cannot be unpacked: {error}; fetch it again") from None
    return data


def _capped(path: Path, packed: Readable) -> bytes:
    data = packed.read(MAX_UNPACKED + 1)
    if len(data) > MAX_UNPACKED:
        raise _not_found(f"{path}: unpacks to more than {MAX_UNPACKED:,} bytes, which no weekly file does")
    return data


def _not_found(message: str) -> SpineError:
    return SpineError(message, ErrorCategory.CONFIGURATION, code="SOURCE_NOT_FOUND")
