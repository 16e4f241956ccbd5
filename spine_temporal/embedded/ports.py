"""Ports of this machine: which are free, and which process has one."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

#: /proc/net/tcp: 127.0.0.1 as it stands there, and the state of a socket that listens.
_LOOPBACK, _LISTENS = "0100007F", "0A"


def is_free(port: int) -> bool:
    """Whether a server could listen on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def holds_port(pid: int, port: int) -> bool:
    """Whether it is this process that listens on the port, and not one that took it a moment before.

    Where the system does not say who has a socket, it is taken for this one.
    """
    descriptors = Path(f"/proc/{pid}/fd")
    if not Path("/proc/net/tcp").exists():
        return True
    wanted = {f"socket:[{inode}]" for inode in _listening(port)}
    try:
        return any(os.readlink(descriptor) in wanted for descriptor in descriptors.iterdir())
    except OSError:
        return False


def _listening(port: int) -> Iterator[str]:
    """Yield the inodes of the sockets that listen on the port."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == f"{_LOOPBACK}:{port:04X}" and fields[3] == _LISTENS:
            yield fields[9]
