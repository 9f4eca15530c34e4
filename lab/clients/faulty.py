"""A publisher that does what it is told to do wrong, and writes down what it really did and when (`injected.jsonl`).

Law: the judge never reads that log; a test compares the two. What takes time moves the schedule as it would in any
program that is late, so the damage is real and not drawn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from lab.clients.acts import Act, acts
from lab.clients.config import Config
from lab.clients.go import sleep_until
from lab.clients.journal import Journal
from lab.clients.schedule import Schedule
from lab.probe.lines import Lines

_MS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One frame's turn: when the program has it, when it is to begin playing, what becomes of it.

    It may be `skipped`, or begin a row of `together` frames that are pushed without waiting for one another.
    """

    available_ns: int
    scheduled_ns: int
    skipped: bool = False
    together: int = 1


class Faulty:
    """The faults of one publisher; `turn` is asked before each frame."""

    def __init__(self, config: Config, mute: Callable[[bool], None], injected: Lines, journal: Journal) -> None:
        """Do what `config` says; write it to `injected`, and to `journal` what any program might note.

        `mute` mutes the track or unmutes it.
        """
        self._acts = acts(config)
        self._frame_ms = config.frame_ms
        self._mute = mute
        self._injected = injected
        self._journal = journal
        self._arrived_ns = 0
        self._last_ns = 0

    async def turn(self, number: int, schedule: Schedule) -> Turn:
        """Wait for frame `number`'s turn on `schedule`, and do first what is to be done wrong before it."""
        turn = Turn(available_ns=schedule.available_ns(number), scheduled_ns=schedule.scheduled_ns(number))
        await sleep_until(turn.available_ns)
        schedule.resume(number, time.monotonic_ns())
        for act in self._acts.get(number, ()):
            turn = await self._done(act, number, turn, schedule)
        self._last_ns = time.monotonic_ns()
        return turn

    async def _done(self, act: Act, number: int, turn: Turn, schedule: Schedule) -> Turn:
        """Return `turn` after `act`; what took time is written down, and moves the schedule of what follows."""
        from_ns = time.monotonic_ns()
        await self._spend(act, from_ns)
        to_ns = time.monotonic_ns()
        if act.kind != "arrived":
            self._injected.write({"kind": act.kind, "frame": number, "from": from_ns, "to": to_ns})
        schedule.resume(number, to_ns)
        match act.kind:
            case "backend_late" | "backend_bursts":
                self._arrived_ns = to_ns
                return replace(turn, available_ns=to_ns)
            case "arrived":
                return replace(turn, available_ns=self._arrived_ns)
            case "skip":
                return replace(turn, skipped=True)
            case "overlap":
                return replace(turn, together=int(act.length_ms) // self._frame_ms)
            case "unmute":  # it paused on purpose: what it says now is not late
                return replace(turn, available_ns=to_ns, scheduled_ns=schedule.scheduled_ns(number))
            case _:
                return turn

    async def _spend(self, act: Act, from_ns: int) -> None:
        """Let the time pass that `act` takes, in its own way."""
        until_ns = from_ns + int(act.length_ms * _MS)
        match act.kind:
            case "block_loop":
                time.sleep(act.length_ms / 1000)
            case "slow":
                await sleep_until(self._last_ns + int(act.length_ms * _MS))
            case "mute":
                self._mute(True)
                self._journal.note("muted")
                await sleep_until(until_ns)
            case "unmute":
                self._mute(False)
                self._journal.note("unmuted")
            case "stall" | "backend_late" | "backend_bursts":
                await sleep_until(until_ns)
