"""The other side of `lab.rig.standing.forks` without a process: it takes orders, and ends when it is told to."""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.clients.zygote import MOST_BYTES, SOCKET


@dataclass
class FakeZygote:
    """Listens in `door`; what it runs says `said` at once, and ends with `ends` at SIGTERM unless it is `deaf`."""

    door: Path
    said: str
    ends: int = 0
    deaf: bool = False
    orders: list[dict[str, Any]] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen, in a thread of its own."""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        here = os.open(self.door, os.O_PATH)
        self._listener.bind(f"/proc/self/fd/{here}/{SOCKET}")
        os.close(here)
        self._listener.listen()
        self._caller: socket.socket | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    def end(self, exit_code: int) -> None:
        """Let the program end by itself."""
        assert self._caller is not None, "nothing was ordered"
        self._caller.send(json.dumps({"exit_code": exit_code}).encode())

    def die(self) -> None:
        """Be gone with whatever runs, as with the container."""
        for each in (self._listener, self._caller):
            if each is not None:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                self._caller = caller
                with caller:
                    self._attend(caller)

    def _attend(self, caller: socket.socket) -> None:
        said, descriptors, _, _ = socket.recv_fds(caller, MOST_BYTES, 2)
        folder, log = descriptors
        os.write(log, self.said.encode())
        os.close(folder)
        os.close(log)
        self.orders.append(json.loads(said))
        while name := caller.recv(64).decode():
            self.signals.append(name)
            if name == "SIGKILL" or not self.deaf:
                code = 137 if name == "SIGKILL" else self.ends
                caller.send(json.dumps({"exit_code": code}).encode())
