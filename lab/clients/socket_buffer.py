"""Make the receive buffers of another process's UDP sockets small, or give them back what they had.

`python -m lab.clients.socket_buffer PORT SIZE` does so to every socket bound to PORT in the process namespace it runs
in, and prints one JSON line with what the kernel says of each before and after. Needs CAP_SYS_PTRACE
(pidfd_getfd(2)) and Linux 5.6; standard library only.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

_PIDFD_GETFD = 438
"""The number of the system call on every architecture that numbers it like the others (asm-generic, x86-64)."""
_KERNEL_DOUBLES = 2
"""socket(7): what is set is doubled for bookkeeping, and the doubled value is what is read."""


def udp_sockets(port: int, proc: Path = Path("/proc")) -> Iterator[socket.socket]:
    """Yield a duplicate of every UDP socket bound to `port` that another process has open; OSError when refused."""
    for process in (int(each.name) for each in proc.iterdir() if each.name.isdigit()):
        if process != os.getpid():
            for number in _socket_numbers(proc / str(process) / "fd"):
                duplicate = _duplicate(process, number)
                if duplicate.type == socket.SOCK_DGRAM and _port(duplicate) == port:
                    yield duplicate
                else:
                    duplicate.close()


def resize(found: socket.socket, size: int) -> dict[str, int]:
    """Ask for a receive buffer of `size` bytes and return what it was `before` and is `after`, as may be set again."""
    before = found.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // _KERNEL_DOUBLES
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    return {"before": before, "after": found.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // _KERNEL_DOUBLES}


def _socket_numbers(folder: Path) -> list[int]:
    """Return the descriptors that are sockets; one that closes meanwhile is none."""
    found = []
    for link in folder.iterdir():
        try:
            if str(link.readlink()).startswith("socket:"):
                found.append(int(link.name))
        except FileNotFoundError:
            continue
    return found


def _duplicate(process: int, number: int) -> socket.socket:
    """Return our own descriptor of socket `number` of `process` (pidfd_getfd(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.pidfd_open(process)
    try:
        mine = libc.syscall(_PIDFD_GETFD, handle, number, 0)
    finally:
        os.close(handle)
    if mine < 0:
        raise OSError(ctypes.get_errno(), f"pidfd_getfd of process {process}")
    return socket.socket(fileno=mine)


def _port(found: socket.socket) -> int | None:
    name = found.getsockname()
    return name[1] if isinstance(name, tuple) and len(name) > 1 else None


if __name__ == "__main__":
    wanted_port, wanted_size = (int(text) for text in sys.argv[1:])
    sys.stdout.write(json.dumps([resize(each, wanted_size) for each in udp_sockets(wanted_port)]))
