"""`--until-decided`: watch a run, have its recording looked at meanwhile, and say "enough" when every rate is decided.

Law: looking takes at most a twentieth of one CPU: after a look that took t seconds the next one waits 20 t, and 2 s at
least. Who looks is another process; when it fails, the run goes on to its end, and that is told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.analysis.verdicts.enough import FLOOR_MS, UNDER_WAY_NS
from lab.rig.process.watch import Progress, Watch

EVERY_S = 2.0
MOST_SHARE = 0.05
_WRITTEN_S = 0.25
"""From a packet to its line on disk."""
_GRACE_S = 2.0
COMMAND = (sys.executable, "-m", "lab.batch.runs.looking")


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look found, and the CPU that all looks have taken by then."""

    seconds: float
    open: tuple[str, ...]
    enough: bool
    cpu_s: float


class Looker:
    """The process that looks at the recording in `run`, as a context."""

    def __init__(self, run: Path, command: tuple[str, ...] = COMMAND) -> None:
        """Plan it; nothing runs before `__enter__`."""
        self._argv = (*command, str(run))
        self._heard = b""

    def __enter__(self) -> Looker:
        """Start it."""
        self._process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.set_blocking(self._output.fileno(), False)
        return self

    def __exit__(self, *_: object) -> None:
        """Close its stdin, which ends it; kill it when that does not."""
        with suppress(OSError):  # what it was asked and did not take; the run goes on without it, and is whole
            self._input.close()
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()

    @property
    def _input(self) -> Any:
        return self._process.stdin

    @property
    def _output(self) -> Any:
        return self._process.stdout

    def ask(self) -> None:
        """Have it look. Raises OSError when it is gone."""
        self._input.write(b"\n")
        self._input.flush()

    def answer(self) -> Look | None:
        """Return what the look found, None while it is still looking. Raises OSError when it is gone."""
        data = self._output.read()
        if data == b"":
            raise OSError(f"it ended with exit code {self._process.wait()}")
        self._heard += data or b""
        line, end, rest = self._heard.partition(b"\n")
        if not end:
            return None
        self._heard = rest
        found = json.loads(line)
        return Look(**{**found, "open": tuple(found["open"])})


class Deciding:
    """A watch around another one, that answers "enough" once `looker` has found every rate decided."""

    def __init__(self, looker: Looker, watch: Watch, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask `looker` while media runs; tell `watch` what it finds."""
        self._looker: Looker | None = looker
        self._watch = watch
        self._clock = clock
        self._began: float | None = None
        self._next = 0.0
        self._looking = False
        self._cpu_s = 0.0
        self._open: tuple[str, ...] | None = None

    def watch(self, progress: Progress) -> bool:
        """Pass `progress` on; while media runs, look now and then."""
        told = self._watch(progress)
        if progress.phase != "media":
            return told
        if self._began is None:
            self._began = self._clock()
            self._next = self._began + FLOOR_MS / 1000 + UNDER_WAY_NS / 1e9 + _WRITTEN_S
        return self._decided() or told

    def _decided(self) -> bool:
        if self._looker is None:
            return False
        try:
            found = self._turn(self._looker)
        except OSError as failure:
            self._looker = None
            self._tell(f"nobody looks any more ({failure}): the run goes on to its end")
            return False
        if found is None:
            return False
        self._next = self._clock() + max(EVERY_S, (found.cpu_s - self._cpu_s) / MOST_SHARE)
        self._cpu_s = found.cpu_s
        self._say(found)
        return found.enough

    def _turn(self, looker: Looker) -> Look | None:
        """Ask when it is time, or hear the answer."""
        if self._looking:
            found = looker.answer()
            self._looking = found is None
            return found
        if self._clock() >= self._next:
            looker.ask()
            self._looking = True
        return None

    def _say(self, found: Look) -> None:
        """Tell what changed since the last look."""
        if found.enough:
            share = 100 * found.cpu_s / max(found.seconds, 1.0)
            self._tell(f"decided after {found.seconds:.0f} s (looking took {found.cpu_s:.1f} s of CPU, {share:.0f} %)")
        elif found.open != self._open:
            self._tell(f"after {found.seconds:.0f} s not decided yet: {', '.join(found.open) or 'too short'}")
        self._open = found.open

    def _tell(self, words: str) -> None:
        self._watch(Progress(phase="media", detail=words))
