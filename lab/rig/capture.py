"""The taps: one tcpdump per interface in the router, started before the clients and ended after the last packet.

Law: whole links and whole packets (nothing filtered, nothing cut), nanosecond stamps of the one kernel that all
containers share, and tcpdump's own words on what it dropped kept beside each capture. All taps lie outside the
qdiscs: an egress capture on an impaired device would never see what its qdisc drops.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

from lab.errors import EnvironmentFault
from lab.evidence import names
from lab.evidence.store import RunFolder, storing
from lab.rig.engine import Engine, Shell
from lab.rig.parallel import side_by_side
from lab.rig.topology import Topology

START_S = 10.0
STOP_S = 10.0
BUFFER_KB = 16_384


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


def stop_argv(mounted: PurePosixPath) -> tuple[str, ...]:
    """Return what ends the taps of one recording and of no other that shares the router: those that write there."""
    return ("pkill", "-INT", "-f", f"^tcpdump .* -w {re.escape(str(mounted))}/")


class Captures:
    """All taps of one run, as a context: open on entry, complete on exit (or as complete as a failure leaves them).

    `mounted` is where the router sees the run folder `folder`.
    """

    def __init__(
        self, engine: Engine, router: str, topology: Topology, folder: RunFolder, mounted: PurePosixPath
    ) -> None:
        """Plan the taps; nothing runs before `__enter__`."""
        self._engine = engine
        self._router = router
        self._points = tap_points(topology)
        self._folder = folder
        self._mounted = mounted
        self._streams: dict[TapPoint, Shell] = {}
        self._words: dict[TapPoint, str] = {}

    def __enter__(self) -> Captures:
        """Start every tap and return when all of them listen."""
        with storing(self._folder.path / names.CAPTURES):
            (self._folder.path / names.CAPTURES).mkdir(exist_ok=True)
        try:
            side_by_side(partial(self._start, point) for point in self._points)
            for point in self._points:
                self._words[point] = _until(self._streams[point], "listening on", START_S)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End every tap with SIGINT, on which tcpdump writes what it holds, and keep its last words."""
        try:
            self._engine.execute(self._router, stop_argv(self._mounted))
            for point, stream in self._streams.items():
                self._words[point] += _until(stream, "dropped by kernel", STOP_S)
        finally:
            self._close()
            for point, words in self._words.items():
                self._folder.write(str(PurePosixPath(point.file).with_suffix(".log")), words)

    def _start(self, point: TapPoint) -> None:
        argv = tcpdump_argv(point.device, self._mounted / point.file)
        self._streams[point] = self._engine.shell(self._router, argv)

    def _close(self) -> None:
        for stream in self._streams.values():
            stream.close()


def _until(stream: Shell, words: str, timeout_s: float) -> str:
    """Read until `words` came by; return all that was read. Raises EnvironmentFault at the end or when it is late."""
    until, text = time.monotonic() + timeout_s, ""
    while words not in text:
        try:
            data = stream.read(max(0.01, until - time.monotonic()))
        except TimeoutError:
            data = b""
        if not data:
            raise EnvironmentFault(f"tcpdump did not say '{words}' within {timeout_s:g} s; it said: {text.strip()!r}")
        text += data.decode(errors="replace")
    return text
