"""A process beside the lab that cleans up when the lab is killed: `python -m lab.rig.standing.watchdog RUN PATH…`.

Between the two is a line. The lab says "done" once it has seen that nothing is left; a line that closes without that
word means that the lab is gone, by whatever death, or could not clean up: everything with the label of the run is
removed, and its temporary paths. Importing this module must stay cheap: it starts beside the bring-up.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lab.errors import EnvironmentFault

if TYPE_CHECKING:
    from lab.rig.engine.docker_engine import DockerEngine

READY_S = 10.0
END_S = 5.0
RECONNECT_S = 60.0
RECONNECT_APART_S = 1.0
_READY = b"r"
_DONE = b"d"


def guard(run: str, paths: Sequence[Path] = ()) -> Guard:
    """Return a context manager that has `run` and the temporary `paths` cleaned up should this process die in it."""
    return Guard(run, paths)


class Guard:
    """The lab's end of the watchdog. Entering only starts it, side by side with whatever comes next."""

    _line: socket.socket
    _process: subprocess.Popen[bytes]
    _dismissed: bool = False

    def __init__(self, run: str, paths: Sequence[Path]) -> None:
        """Plan it; nothing is started before `__enter__`."""
        self._argv = [sys.executable, "-P", "-m", "lab.rig.standing.watchdog", run, *(str(path) for path in paths)]

    def __enter__(self) -> Self:
        """Start the watchdog, in a session of its own so that no Ctrl-C reaches it."""
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                self._argv,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                # GitHub's runner kills every process with its tracking id (actions/runner#598).
                env={**os.environ, "RUNNER_TRACKING_ID": ""},
            )
        return self

    def ready(self, timeout_s: float = READY_S) -> None:
        """Wait until the watchdog watches. Raises EnvironmentFault when it does not within `timeout_s`."""
        self._line.settimeout(timeout_s)
        try:
            said = self._line.recv(1)
        except TimeoutError:
            said = b""
        if said != _READY:
            raise EnvironmentFault("the cleanup watchdog did not start", fix="is the machine out of memory?")

    def dismiss(self) -> None:
        """Let the watchdog do nothing when this context ends: nothing is left, or what is left is meant to stay."""
        self._dismissed = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the line: a watchdog that was dismissed ends, any other goes to work on its own."""
        with self._line:
            if not self._dismissed:
                return
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died before us
                self._line.sendall(_DONE)
        self._end()

    def _end(self) -> None:
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main(argv: Sequence[str]) -> int:
    """Watch over run `argv[0]` and paths `argv[1:]`; return 0 when nothing of them is left."""
    run, paths = argv[0], [Path(each) for each in argv[1:]]
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    os.write(sys.stdout.fileno(), _READY)
    if _last_word() == _DONE:
        return 0
    try:
        return 0 if _reaped(run) else 1
    finally:
        for path in paths:
            shutil.rmtree(path, ignore_errors=True)


def _last_word() -> bytes:
    """Return what the lab said before its end of the line closed: b"" when it was killed."""
    try:
        return os.read(sys.stdin.fileno(), 1)
    except ConnectionResetError:  # killed before it read our own word
        return b""


def _reaped(run: str) -> bool:
    # Here, not above: the SDK costs a quarter of a second that every lab would pay.
    from lab.rig.standing.cleanup import labels_of, reap

    engine = _connected()
    try:
        return reap(engine, labels_of(run))
    finally:
        engine.close()


def _connected() -> DockerEngine:
    """Connect to the engine, which may be restarting: try for RECONNECT_S before giving up."""
    from lab.rig.engine.docker_engine import DockerEngine

    deadline = time.monotonic() + RECONNECT_S
    while True:
        try:
            return DockerEngine.connect()
        except EnvironmentFault:
            if time.monotonic() > deadline:
                raise
            time.sleep(RECONNECT_APART_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
