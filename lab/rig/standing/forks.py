"""A program that runs as the fork of a zygote: how it is ordered, told signals, and heard of.

Law: a fork that was ordered is there, or has ended; its end is told once, with its exit code, and kept. The other side
is `lab.clients.zygote`.
"""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab.clients.zygote import SOCKET
from lab.errors import EnvironmentFault

_END_BYTES = 256


@dataclass(frozen=True, kw_only=True)
class End:
    """How a program ended: its exit code, or 128 and the signal; None when its container went with it."""

    exit_code: int | None


class Fork:
    """A program under way. One thread at a time."""

    def __init__(self, caller: socket.socket, log: Path) -> None:
        """Use `ordered`; this only takes over the conversation about a program that writes to `log`."""
        self._caller = caller
        self._log = log
        self._end: End | None = None

    def end(self, within_s: float = 0.0) -> End | None:
        """Return how it ended; None when it has not within `within_s` seconds."""
        if self._end is None and select.select([self._caller], [], [], within_s)[0]:
            self._end = End(exit_code=self._told())
            self.close()
        return self._end

    def signal(self, name: str) -> None:
        """Have a signal (`SIGTERM`) sent to it; that it has ended is success."""
        with suppress(OSError):
            self._caller.send(name.encode())

    def close(self) -> None:
        """Hang up; a program that still runs is killed."""
        self._caller.close()

    def said(self) -> str:
        """Return its standard output and error so far, in order."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _told(self) -> int | None:
        with suppress(ConnectionResetError):
            if said := self._caller.recv(_END_BYTES):
                return int(json.loads(said)["exit_code"])
        return None


def ordered(door: Path, folder: Path, log: Path, environment: Mapping[str, str], arguments: Sequence[str] = ()) -> Fork:
    """Order a fork of the zygote that listens in `door`: its LAB_DIR is `folder`, what it says goes to the new `log`.

    `folder` is a path through the zygote's own root: from one that was opened elsewhere, `..` leads to this machine's
    files (runc's CVE-2024-21626). By its path alone a program could not reach it below folders of umask 077.
    Raises EnvironmentFault when nobody listens there.
    """
    order = json.dumps({"environment": dict(environment), "arguments": list(arguments)})
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with _opened(folder, os.O_RDONLY | os.O_DIRECTORY) as place, _opened(log, _NEW) as words:
            _connect(caller, door)
            socket.send_fds(caller, [order.encode()], [place, words])
    except OSError as error:
        caller.close()
        raise EnvironmentFault(f"a program could not be started: {error}", fix="is there memory left?") from error
    return Fork(caller, log)


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    found = os.open(path, flags, 0o600)
    try:
        yield found
    finally:
        os.close(found)


def _connect(caller: socket.socket, door: Path) -> None:
    """Connect through the folder's descriptor: a socket's path may have 107 bytes (unix(7)), a folder's more."""
    with _opened(door, os.O_PATH) as folder:
        caller.connect(f"/proc/self/fd/{folder}/{SOCKET}")
