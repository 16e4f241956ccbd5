"""The memory that an attempt may take: a limit of its process that the kernel keeps, on Linux.

The limit is on data (``RLIMIT_DATA``): the heap and private mappings that can be written. The address space
(``RLIMIT_AS``) would also count what libraries only reserve, of which allocators and columnar engines take many times
what they use; resident memory (``RLIMIT_RSS``) is kept by no kernel of today.
"""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spine_temporal.definition.memory import MEBIBYTE

#: What an attempt may take beyond the warm process where its step says nothing.
DEFAULT_MEMORY = 1024 * MEBIBYTE

_STATM = Path("/proc/self/statm")
_PAGE = resource.getpagesize()


def data_bytes() -> int:
    """Return the data of this process that counts; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    return int(_STATM.read_text().split()[5]) * _PAGE


@contextmanager
def limited(memory: int) -> Iterator[None]:
    """Let the block take so many bytes more; what needs more gets a ``MemoryError``."""
    if sys.platform != "linux":
        yield
        return
    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = data_bytes() + memory
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, hard))
