"""A file's bytes, unpacked where it is packed with gzip or zip: no more of them than a weekly file has."""

import gzip
import io
import zipfile
import zlib
from typing import BinaryIO, Protocol

from spine_temporal import ErrorCategory, SpineError

#: Bytes that a file may have, unpacked: six times the largest week of the largest tier.
MAX_UNPACKED = 128 * 1024 * 1024
#: How many times its size an archive may become, once that is more than ``RATIO_FROM`` bytes. Weekly files: 5 to 15.
MAX_RATIO, RATIO_FROM = 100, 1024 * 1024
#: Bytes of a zip's directory, which is read at once; that of one member has a hundred or two.
_MAX_DIRECTORY = 64 * 1024
#: Bytes that are unpacked at once.
_BLOCK = 256 * 1024
#: The record at a zip's end: its mark, its length, the longest comment after it, and where it has the directory's size.
_END, _END_LENGTH, _LONGEST_COMMENT, _DIRECTORY_SIZE = b"PK\x05\x06", 22, 65_535, slice(12, 16)


class Readable(Protocol):
    """What both archives give: bytes on demand."""

    def read(self, size: int = -1, /) -> bytes: ...  # noqa: D102


def unpacked(name: str, file: BinaryIO) -> bytes:
    """Return the bytes; raise SOURCE_NOT_FOUND where they cannot be had, or are too many."""
    start, size = file.read(4), file.seek(0, io.SEEK_END)
    file.seek(0)
    try:
        if start[:2] == b"\x1f\x8b":
            with gzip.open(file) as packed:
                return _capped(name, packed, _most(size))
        if start == b"PK\x03\x04":
            return _member(name, file, size)
    except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise not_found(f"{name}: cannot be unpacked: {_damage(error)}") from None
    if size > MAX_UNPACKED:
        raise _too_large(name, MAX_UNPACKED)
    return _capped(name, file, MAX_UNPACKED)


def not_found(message: str) -> SpineError:
    """Return the error of a source that is not there or cannot be read."""
    return SpineError(message, ErrorCategory.CONFIGURATION, code="SOURCE_NOT_FOUND")


def _member(name: str, file: BinaryIO, size: int) -> bytes:
    file.seek(max(0, size - _END_LENGTH - _LONGEST_COMMENT))
    end = file.read()
    end = end[end.rfind(_END) :]
    if int.from_bytes(end[_DIRECTORY_SIZE], "little") > _MAX_DIRECTORY:
        raise not_found(f"{name}: the zip has many members, and must have one")
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) != 1:
            raise not_found(f"{name}: the zip has {len(members)} members, and must have one")
        if members[0].compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise NotImplementedError
        with archive.open(members[0]) as packed:
            return _capped(name, packed, _most(size))


def _most(size: int) -> int:
    """Return how many bytes an archive of that size may become."""
    return min(MAX_UNPACKED, max(RATIO_FROM, MAX_RATIO * size))


def _capped(name: str, packed: Readable, most: int) -> bytes:
    """Read block by block, and no further than that many bytes."""
    data = io.BytesIO()
    while block := packed.read(_BLOCK):
        if data.tell() + len(block) > most:
            raise _too_large(name, most)
        data.write(block)
    return data.getvalue()


def _damage(error: Exception) -> str:
    """Return what is wrong with an archive in our words: the libraries' tell what is in it."""
    match error:
        case NotImplementedError():
            return "it is packed in a way that is not known here; pack it with gzip"
        case RuntimeError():
            return "it is encrypted; give the file unpacked"
        case OSError(strerror=str(reason)):
            return reason
    return "it is damaged or cut off; fetch it again"


def _too_large(name: str, most: int) -> SpineError:
    return not_found(f"{name}: has or unpacks to more than {most:,} bytes, which no weekly file does; check file_path")
