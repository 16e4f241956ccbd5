"""Stands for a program that was forked elsewhere: gives it what this process has, and ends as it does.

Run as a script, so that it starts at once: ADDRESS PROGRAM DESCRIPTOR,… [ARGUMENT …].
"""

import json
import os
import signal
import socket
import sys

#: The program that a worker's processes are forked from; any other is the name of a module.
FORK_SERVER = "fork-server"
#: An interpreter's command line: a script, or a module of these packages; any other is the interpreter's own to run.
PYTHON = "python"
_PACKAGES = ("spine_temporal", "ops")
#: Descriptors that one program may be given.
MOST_DESCRIPTORS = 16
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def main() -> None:
    """Start it, and end as it does; where this process is killed, the program is."""
    address, program, descriptors, *arguments = sys.argv[1:]
    if program == PYTHON:
        program, *arguments = _named(arguments)
    numbers = [0, 1, 2, *map(int, filter(None, descriptors.split(",")))]
    umask = os.umask(0o077)
    os.umask(umask)
    request = json.dumps(
        {
            "program": program,
            "arguments": arguments,
            "numbers": numbers,
            "environment": dict(os.environ),
            "folder": os.getcwd(),
            "umask": umask,
        }
    ).encode()
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    server = socket.socket(socket.AF_UNIX)
    server.connect(address)
    socket.send_fds(server, [len(request).to_bytes(8, "big")], numbers)
    server.sendall(request)
    for number in numbers:
        os.close(number)
    pid = int.from_bytes(server.recv(8), "big")
    for number in _SIGNALS:
        signal.signal(number, lambda received, _frame: os.kill(pid, received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    status = int.from_bytes(server.recv(8), "big")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


def _named(arguments: list[str]) -> list[str]:
    """Return what an interpreter's command line runs, a module or a script, and the arguments of that."""
    if arguments[:1] == ["-m"] and arguments[1].partition(".")[0] in _PACKAGES:
        return arguments[1:]
    if arguments and not arguments[0].startswith("-"):
        return arguments
    return os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == "__main__":
    main()
