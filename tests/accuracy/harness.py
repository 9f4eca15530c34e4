"""Faults of the lab itself, done to it from outside while it measures: whatever is damaged by them is nobody's.

Law: only what this lab started is touched, by its own ids, and everything paused goes on again whatever happens. A
lab whose parts were killed is spent.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from lab.evidence import names
from lab.rig.engine.engine import RUN_LABEL
from lab.rig.process.watch import Progress
from lab.rig.standing.lab import Lab

Strength = Mapping[str, float]
_SPIN = "while True: pass"
_QEMU = "qemu-system"


@dataclass(frozen=True, kw_only=True)
class Sabotage:
    """One fault of the harness. `spends`: no further run can be made in the same lab."""

    name: str
    draw: Callable[[Random, int], Strength]
    act: Callable[[Lab, Strength], None]
    spends: bool = False


@contextmanager
def _frozen(lab: Lab, containers: Sequence[str]) -> Iterator[None]:
    """Freeze containers of `lab` inside the block."""
    engine = lab.machine.engine
    try:
        for container in containers:
            engine.pause(container)
        yield
    finally:
        for container in containers:
            engine.resume(container)


def _hog(lab: Lab, s: Strength) -> None:
    """Let more programs spin than the machine has processors, before everybody else in the queue for them."""
    spinning = [
        subprocess.Popen(["nice", "-n", str(-int(s["urgency"])), sys.executable, "-c", _SPIN])
        for _ in range(int(s["programs"]))
    ]
    try:
        time.sleep(s["length_ms"] / 1000)
    finally:
        for each in spinning:
            each.kill()
            each.wait()


def _pause_router(lab: Lab, s: Strength) -> None:
    with _frozen(lab, [lab.router]):
        time.sleep(s["length_ms"] / 1000)


def _pause_all(lab: Lab, s: Strength) -> None:
    everything = [each.id for each in lab.machine.engine.containers({RUN_LABEL: lab.run}) if each.running]
    with _frozen(lab, everything):
        time.sleep(s["length_ms"] / 1000)


def _stop_vm(lab: Lab, s: Strength) -> None:
    _in_router(lab, "pkill", "-STOP", _QEMU)
    try:
        time.sleep(s["length_ms"] / 1000)
    finally:
        _in_router(lab, "pkill", "-CONT", _QEMU)


def _kill_vm(lab: Lab, s: Strength) -> None:
    _in_router(lab, "pkill", "-KILL", _QEMU)


def _kill_capture(lab: Lab, s: Strength) -> None:
    """End one capture as if it had crashed, or, politely, as if it had ended by itself."""
    files = ("edge-publisher", "inner-publisher", "core", "inner-subscriber", "edge-subscriber")
    file = names.CORE_TAP if files[int(s["which"])] == "core" else f"{names.CAPTURES}/{files[int(s['which'])]}.pcap"
    _in_router(lab, "pkill", "-KILL" if s["crash"] else "-INT", "-f", f"^tcpdump .*/{file}$")


def _in_router(lab: Lab, *argv: str) -> None:
    lab.machine.engine.execute(lab.router, argv)


def _lasting(shortest: float, longest: float) -> Callable[[Random, int], Strength]:
    """Return what draws a length between shares of the media."""
    return lambda dice, media_ms: {"length_ms": dice.uniform(shortest, longest) * media_ms}


def _hogging(dice: Random, media_ms: int) -> Strength:
    return {
        "programs": dice.choice([2, 4, 8, 16]),
        "urgency": dice.choice([0, 10, 19]),
        "length_ms": dice.uniform(0.1, 0.6) * media_ms,
    }


SABOTAGES: tuple[Sabotage, ...] = (
    Sabotage(name="cpu-hog", draw=_hogging, act=_hog),
    Sabotage(name="router-paused", draw=_lasting(0.02, 0.25), act=_pause_router),
    Sabotage(name="vm-stopped", draw=_lasting(0.02, 0.25), act=_stop_vm),
    Sabotage(name="vm-killed", draw=lambda dice, media_ms: {}, act=_kill_vm, spends=True),
    Sabotage(
        name="capture-killed",
        draw=lambda dice, media_ms: {"which": dice.randrange(5), "crash": dice.randrange(2)},
        act=_kill_capture,
    ),
    Sabotage(name="all-paused", draw=_lasting(0.02, 0.25), act=_pause_all),
)


def sabotage(name: str) -> Sabotage:
    """Return the sabotage called `name`; KeyError when there is none."""
    return {each.name: each for each in SABOTAGES}[name]


class Saboteur:
    """A watch of a run that does one sabotage `at_ms` after its measured media began."""

    def __init__(self, lab: Lab, done: Sabotage, strength: Strength) -> None:
        """Plan it."""
        self._lab, self._done, self._strength = lab, done, strength
        self._thread: threading.Thread | None = None
        self.failure = ""

    def __call__(self, progress: Progress) -> bool:
        """Begin when the media does."""
        if progress.phase == "media" and self._thread is None:
            self._thread = threading.Thread(target=self._act)
            self._thread.start()
        return False

    def _act(self) -> None:
        time.sleep(self._strength["at_ms"] / 1000)
        try:
            self._done.act(self._lab, self._strength)
        except Exception as error:  # noqa: BLE001 - told in the journal: a sabotage that failed proves nothing
            self.failure = f"{type(error).__name__}: {error}"

    def over(self) -> None:
        """Wait until it is done and undone."""
        if self._thread is None:
            self.failure = "the media never began"
        else:
            self._thread.join()
