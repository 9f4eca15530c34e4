"""The taps: one tcpdump per interface in the router, started before the clients and ended after the last packet.

Law: whole links and whole packets (nothing filtered, nothing cut), nanosecond stamps of the one kernel that all
containers share, and tcpdump's own words on what it dropped kept beside each capture. All taps lie outside the
qdiscs: an egress capture on an impaired device would never see what its qdisc drops.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType

from lab.errors import EnvironmentFault
from lab.evidence import names
from lab.evidence.durable import storing
from lab.evidence.store import RunFolder
from lab.rig.engine.engine import Engine
from lab.rig.engine.words import tail
from lab.rig.layout.topology import Topology

START_S = 10.0
STOP_S = 10.0
LOOK_S = 0.02
BUFFER_KB = 16_384
LISTENING, ENDED = "listening on", "dropped by kernel"
"""What tcpdump says when it has begun, and when all that it had is in the file."""
ENOUGH = "is there memory and disk left? see `lab doctor`"


@dataclass(frozen=True, kw_only=True)
class TapPoint:
    """One interface of the router, and the file (relative to the run folder) that its packets go to."""

    device: str
    file: str


def tap_points(topology: Topology) -> tuple[TapPoint, ...]:
    """Return every tap of a lab: both sides of each bump, the core, and the open segment if there is one."""
    points = [TapPoint(device="core", file=names.CORE_TAP)]
    if topology.open:
        points.append(TapPoint(device="open", file=names.OPEN_TAP))
    for link in topology.links:
        points.append(TapPoint(device=link.edge, file=names.edge(link.client)))
        points.append(TapPoint(device=link.inner, file=names.inner(link.client)))
    return tuple(points)


def tcpdump_argv(device: str, target: PurePosixPath) -> tuple[str, ...]:
    """Return the capture command.

    `-U`: a killed capture is whole up to its last packet. `--immediate-mode`: otherwise the kernel hands packets over
    in blocks, and those of the last second are not in the file when the capture ends.
    """
    return (
        "tcpdump", "-i", device, "-n", "-U", "--immediate-mode", "-Z", "root", "-s", "0", "-B", str(BUFFER_KB),
        "--time-stamp-precision=nano", "-w", str(target),
    )  # fmt: skip


def script(points: Sequence[TapPoint], mounted: PurePosixPath) -> str:
    """Return what runs the taps `points` in one shell, words beside each capture, until its input says or ends.

    It says of a tap that ends, and of nothing else, with which exit code and which one it was.
    """
    lines = []
    for point in points:
        target = mounted / point.file
        argv = shlex.join(tcpdump_argv(point.device, target))
        tap = f'{argv} 2>{shlex.quote(str(target.with_suffix(".log")))}; echo "$?" {shlex.quote(target.stem)}'
        lines.append(f'{{ {tap}; }} & taps="$taps,$!"')
    return "\n".join(["taps=", *lines, "read -r _", 'pkill -TERM -P "${taps#,}"', "wait"])


class Captures:
    """All taps of one run, as a context: open on entry, complete on exit (or as complete as a failure leaves them).

    `mounted` is where the router sees the run folder `folder`. Should this process die, its shell in the router reads
    the end of its input, and ends the taps all the same.
    """

    def __init__(
        self, engine: Engine, router: str, topology: Topology, folder: RunFolder, mounted: PurePosixPath
    ) -> None:
        """Plan the taps; nothing runs before `__enter__`."""
        self._engine = engine
        self._router = router
        self._folder = folder
        points = tap_points(topology)
        self._script = script(points, mounted)
        self._words = [folder.path / PurePosixPath(point.file).with_suffix(".log") for point in points]

    def __enter__(self) -> Captures:
        """Start every tap and return when all of them listen."""
        with storing(self._folder.path / names.CAPTURES):
            (self._folder.path / names.CAPTURES).mkdir(exist_ok=True)
        self._shell = self._engine.shell(self._router, ("sh", "-c", self._script))
        try:
            self._until(LISTENING, START_S, self._all_alive)
        except BaseException:
            self._shell.close()
            raise
        return self

    def __exit__(self, _: type[BaseException] | None, first: BaseException | None, __: TracebackType | None) -> None:
        """End every tap with SIGTERM (jobs ignore SIGINT), on which it writes what it holds and says what it lost.

        What fails here never hides the `first` error.
        """
        try:
            if first is None:
                self.check_alive()
            self._shell.write(b"\n")
            self._until(ENDED, STOP_S, self._goes_on)
        except EnvironmentFault:
            if first is None:
                raise
        finally:
            self._shell.close()

    def check_alive(self, within_s: float = 0.0) -> None:
        """Raise EnvironmentFault, with its last words, for a tap that has ended, or does within `within_s` seconds."""
        try:
            said = self._shell.read(within_s).decode().strip()
        except TimeoutError:
            return
        code, _, name = said.partition("\n")[0].partition(" ")
        words = tail(_text(self._folder.path / names.CAPTURES / f"{name}.log"))
        ended = f"the capture {name} ended before it was told to, with exit code {code}:\n{words}"
        raise EnvironmentFault(ended if said else "the captures ended with their container", fix=ENOUGH)

    def _all_alive(self) -> bool:
        self.check_alive(LOOK_S)
        return True

    def _until(self, words: str, timeout_s: float, look: Callable[[], bool]) -> None:
        """Return when every tap has said `words`, with a `look` in between. EnvironmentFault for one that is late."""
        until, open_ = time.monotonic() + timeout_s, True
        while silent := [file for file in self._words if words not in _text(file)]:
            if not open_ or time.monotonic() > until:
                said = _text(silent[0]).strip()
                raise EnvironmentFault(f"{silent[0].stem}: tcpdump did not say '{words}' in {timeout_s:g} s: {said!r}")
            open_ = look()

    def _goes_on(self) -> bool:
        """Wait a moment; return whether the shell still runs."""
        try:
            return self._shell.read(LOOK_S) != b""
        except TimeoutError:
            return True


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except FileNotFoundError:
        return ""
