"""Record the stored recordings anew, all or some: `python -m tests.replay.record [NAME…]`.

Each is a scenario of the gallery, or one of `scenarios/` beside this file, with 8 s of media; what a take adds is laid
over it as `--set` does. A run is stored when it passes: when its verdict and reason are what the scenario says. One
that this machine spoiled (VOID) is tried again; what else does not pass is told, and the old recording stays.
Needs a container engine; about 25 s a recording.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab.analysis.values import Outcome
from lab.batch.folders.stored import runs
from lab.batch.runs.many import Request, run_all
from lab.batch.runs.one import Judged
from lab.cli.progress import Reporter
from tests.replay.keep import UnfitRunError, keep

GALLERY = Path(__file__).parents[2] / "scenarios"
OWN = Path(__file__).parent / "scenarios"
SHORT = ("media.duration=8s", "media.settle=1s", "media.control=1s")
ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class Take:
    """What one recording is of."""

    scenario: Path
    sets: tuple[str, ...] = ()


def _cause(name: str, *sets: str) -> Take:
    return Take(scenario=GALLERY / "causes" / f"{name}.yaml", sets=sets)


def _gallery(name: str, *sets: str) -> Take:
    return Take(scenario=GALLERY / f"{name}.yaml", sets=sets)


CAUSES = (
    "backend-bursty", "backend-late", "burst-loss", "client-paused", "client-throttled", "dtx", "end-cut",
    "firewall-udp", "frames-dropped", "jitter", "loop-blocked", "media-over-tcp", "muted", "nat-timeout",
    "own-rate", "packet-filter", "push-refused", "queue-full", "red-off", "server-throttled", "wrong-address",
)  # fmt: skip
LESS_TO_KEEP = ("media.sample_rate=16kHz",)
"""Sound without its upper two thirds packs better; for those of which all that was heard must be kept.

(`subscribed-late` is not here: two tracks in one file of sound pack to 500 kB, whatever is said.)
"""
TAKES = {
    "clean": _gallery("clean"),
    "twenty-percent": _gallery("twenty-percent"),
    "twenty-percent-plain": _gallery("twenty-percent", "media.red=false"),
    "twenty-percent-speech": _gallery("twenty-percent", "media.audio=speech.wav"),
    "twenty-percent-frame-50": _gallery("twenty-percent", "media.frame=50ms"),
    "sender-stalls": _gallery("code/sender-stalls", "inject=[{stall: {client: publisher, length: 400ms, times: 4}}]"),
    **{path.stem: Take(scenario=path) for path in sorted(OWN.glob("*.yaml"))},
    **{name: _cause(name) for name in CAUSES},
    **{name: _cause(name, *LESS_TO_KEEP) for name in ("latency", "reader-slow")},
}


def record(name: str, results: Path) -> str:
    """Record `name` and store it; return what is to be told."""
    take = TAKES[name]
    for attempt in range(1, ATTEMPTS + 1):
        folder = results / f"{name}-{attempt}"
        done: list[Judged] = []
        request = Request(files=(take.scenario,), sets=(*SHORT, *take.sets), results=folder)
        run_all(request, Reporter(stream=sys.stderr, quiet=True, verbose=False).watch, done.append)
        if not done:
            return f"{name}: not recorded"
        if done[0].verdict.outcome == Outcome.PASS:
            return _stored(runs(folder)[-1], name)
        if done[0].verdict.outcome != Outcome.VOID:
            break
    return f"{name}: not stored\n{done[0].text(120)}"


def _stored(run: Path, name: str) -> str:
    try:
        stored = keep(run, name)
    except UnfitRunError as error:
        return f"{name}: not stored: {error}"
    return f"{name}: {stored.stat().st_size / 1000:.0f} kB"


def main(wanted: list[str]) -> int:
    """Record `wanted`, or all; 1 when one of them was not stored."""
    told = []
    results = Path(tempfile.mkdtemp(prefix="replay-"))
    for name in wanted or TAKES:
        told.append(record(name, results))
        print(told[-1], flush=True)
    print(f"the whole runs are in {results}")
    return int(any("not " in words.splitlines()[0] for words in told))


if __name__ == "__main__":
    unknown = sorted(set(sys.argv[1:]) - set(TAKES))
    if unknown:
        sys.exit(f"no such recording: {', '.join(unknown)}; there are {', '.join(TAKES)}")
    sys.exit(main(sys.argv[1:]))
