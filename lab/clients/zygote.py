"""A program that is loaded once and run again and again, each time as a fork that knows nothing of the ones before it.

`python -m lab.clients.zygote MODULE` imports MODULE and listens at LAB_DOOR/socket. It serves one caller after the
other: takes an order (`Order`) with the descriptors of the program's folder and of its log (SCM_RIGHTS, unix(7)),
forks, and in the fork does what `python -m MODULE` would, with the folder as LAB_DIR. The caller then sends names of
signals for the program, and is told its exit code; when the caller hangs up, the program is killed.
Law: nothing that MODULE imports starts a thread, for a fork has none but the one that forked. Standard library only.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

LOADED = "zygote: callers are served"
"""What is said then, and by nobody else."""
SOCKET = "socket"
MOST_BYTES = 1 << 20
"""Of an order. The longest has the tokens of a crowd of 100, 37 kB; a socket takes 200 kB or refuses (wmem_default)."""
_SIGNAL_BYTES = 64
_FOLDER_AND_LOG = 2
_KILLED_BY = 128
"""To this the number of the signal is added that ended a program, as shells and container engines do."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a program is told (`environment`, `arguments`), and descriptors of its `folder` and its `log`."""

    environment: Mapping[str, str]
    arguments: tuple[str, ...]
    folder: int
    log: int

    def obey(self, module: str) -> None:
        """Make this process one that was started so: folder, output, environment, arguments."""
        os.fchdir(self.folder)
        for standard in (sys.stdout.fileno(), sys.stderr.fileno()):
            os.dup2(self.log, standard)
        self.close()
        os.environ.update(self.environment, LAB_DIR=".")
        sys.argv = [module, *self.arguments]

    def close(self) -> None:
        """Close the descriptors; in the one who forks they are of no use."""
        os.close(self.folder)
        os.close(self.log)


def serve(door: Path) -> Order:
    """Serve callers for ever; return in each fork alone, with its order."""
    with _listening(door / SOCKET) as listener:
        print(LOADED, flush=True)  # noqa: T201 - the lab waits for this word
        while True:
            caller, _ = listener.accept()
            with caller:
                if (order := _taken(caller)) is None:
                    continue
                program = os.fork()
                if program == 0:
                    return order
                order.close()
                _attend(program, caller)


def _listening(place: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(place))
    listener.listen()
    return listener


def _taken(caller: socket.socket) -> Order | None:
    """Return the order, None where the caller hung up before giving any."""
    said, descriptors, _flags, _address = socket.recv_fds(caller, MOST_BYTES, _FOLDER_AND_LOG)
    if not said:
        return None
    folder, log = descriptors
    told = json.loads(said)
    return Order(environment=told["environment"], arguments=tuple(told["arguments"]), folder=folder, log=log)


def _attend(program: int, caller: socket.socket) -> None:
    """Pass on signals until `program` has ended, and tell its exit code."""
    with os.fdopen(os.pidfd_open(program), "rb", buffering=0) as ended:
        while ended.fileno() not in select.select([ended.fileno(), caller.fileno()], [], [])[0]:
            name = caller.recv(_SIGNAL_BYTES).decode() or "SIGKILL"  # nothing: the caller has gone
            signal.pidfd_send_signal(ended.fileno(), signal.Signals[name])
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    with suppress(OSError):  # who has gone need not know
        caller.send(json.dumps({"exit_code": code if code >= 0 else _KILLED_BY - code}).encode())
        while caller.recv(_SIGNAL_BYTES):  # closed with signals unread, it would lose what was sent
            pass


def main(module: str) -> NoReturn:
    """Load `module`, and run its `main` in every fork, which ends with the exit code of that."""
    program = importlib.import_module(module)
    if threads := len([*Path("/proc/self/task").iterdir()]) - 1:  # native ones too, of which `threading` knows nothing
        raise RuntimeError(f"{module} starts {threads} threads when it is imported: no fork would have them")
    gc.freeze()  # what is loaded is not looked through again, so that forks go on sharing its memory
    serve(Path(os.environ["LAB_DOOR"])).obey(module)
    code: int = program.main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not by Python's way out: an SDK's thread that calls back meanwhile is ended inside its native code, which aborts.
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1])
