"""A recording with a missing, cut, foreign or contradictory piece: judged on what is left, and nobody blamed for it.

Law: without a traceback, and without a word of one. What is not as it was sealed is UNKNOWN by name. Sealed anew, the
judge has only the evidence: then it says the same as before, or that it does not know, or that the run is void.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from zlib import crc32

import pytest

from lab.analysis.values import Outcome, RunVerdict
from lab.batch.runs.one import Judged, judged
from lab.evidence import names
from lab.evidence.reading import read
from tests.replay.conftest import Copy, Whole
from tests.replay.harm import CUT, FOREIGN, FORGED, HARMS, Harm, pieces
from tests.replay.keep import NAMES, reseal

DRAWS = int(os.environ.get("LAB_FUZZ", "0"))
"""How many harms of either kind each recording gets in a hunt; `make test-fast` is content with one harm each."""
EITHER = {"missing or foreign": (*CUT, *FOREIGN), "at odds with the rest": FORGED}
TRIED = [(name, kind, draw) for name in NAMES for kind in EITHER for draw in range(DRAWS)] or [
    (name, list(EITHER)[at % len(EITHER)], 0) for at, name in enumerate(NAMES)
]
BROKE = "judging broke on this evidence"


def harmed(run: Path, other: Path, harm: Harm, rng: Random) -> str:
    """Harm one piece of `run`, drawn from those it has; return which."""
    piece = rng.choice(pieces(run))
    harm(run / piece, rng, other / piece)
    return piece


def a_run_without_traceback(verdict: RunVerdict) -> bool:
    """Say that nothing the judge says comes from inside of it."""
    return not any(BROKE in reason for reason in (*verdict.reasons, *(why for f in verdict.flows for why in f.reasons)))


def not_blamed(before: Judged, after: Judged) -> bool:
    """Say that a harmed recording names whom the whole one named, or nobody; what it was asked may be cut too."""
    return after.verdict.owner == before.verdict.owner or after.verdict.outcome in (Outcome.UNKNOWN, Outcome.VOID)


@pytest.mark.parametrize("draw", range(max(1, DRAWS)))
@pytest.mark.parametrize("name", NAMES if DRAWS else ["clean", "twenty-percent", "sender-stalls"])
def test_what_is_not_as_it_was_sealed_is_unknown_by_name(name: str, draw: int, whole: Whole, copy: Copy) -> None:
    """Any piece, harmed in any way but into itself: the judge says that it is not what was sealed."""
    rng = Random(crc32(f"{name} {draw}".encode()))
    run, harm = copy(name), rng.choice(HARMS)
    before = {piece: (run / piece).read_bytes() for piece in pieces(run)}
    piece = harmed(run, whole(NAMES[(NAMES.index(name) + 1) % len(NAMES)]).folder, harm, rng)
    if (run / piece).exists() and (run / piece).read_bytes() == before[piece]:
        return
    assert any(told.startswith(piece) for told in read(run).broken), (piece, harm.__name__)


@pytest.mark.parametrize(("name", "kind", "draw"), TRIED)
def test_sealed_anew_it_is_judged_on_what_is_left(name: str, kind: str, draw: int, whole: Whole, copy: Copy) -> None:
    """No piece that is missing, cut or another run's makes anybody pay for it; nothing at all makes a traceback."""
    rng = Random(crc32(f"{name} {kind} {draw}".encode()))
    run, harm = copy(name), rng.choice(EITHER[kind])
    piece = harmed(run, whole(NAMES[(NAMES.index(name) + 1) % len(NAMES)]).folder, harm, rng)
    reseal(run)
    after = judged(run)
    assert a_run_without_traceback(after.verdict), (piece, harm.__name__, after.verdict.reasons)
    assert harm in FORGED or not_blamed(whole(name), after), (piece, harm.__name__, after.text(120))


def _lines(file: Path, change: Callable[[dict[str, object], int], dict[str, object] | None]) -> None:
    """Change each record of a JSON-lines file, None taking it away; its header line, if it has one, stays."""
    kept = []
    for index, line in enumerate(json.loads(text) for text in file.read_text().splitlines()):
        changed = line if "format" in line else change(line, index)
        kept += [] if changed is None else [json.dumps(changed) + "\n"]
    file.write_text("".join(kept))


def fewer_samples_than_noted(run: Path) -> None:
    """Take a second of the sound away, and leave its notes."""
    sound = next(run.glob("clients/*/heard-*.pcm"))
    sound.write_bytes(sound.read_bytes()[:-96_000])


def notes_run_backwards(run: Path) -> None:
    """Let the program have read fewer samples than before."""
    _lines(next(run.glob("clients/*/heard-*.jsonl")), lambda line, i: {**line, "samples": 100_000 - i})


def a_frame_is_left_out(run: Path) -> None:
    """Let the log of frames have a gap."""
    _lines(run / "clients/publisher/frames.jsonl", lambda line, i: None if i == 300 else line)


def the_kernel_counts_backwards(run: Path) -> None:
    """Let what the network namespace had received become less."""
    _lines(run / "host/network-server.jsonl", lambda line, i: {**line, "ip_in_receives": 100_000 - i})


def the_cgroups_clock_runs_backwards(run: Path) -> None:
    """Put the samples of the server's CPU into the wrong order."""
    _lines(run / "host/cgroup-server.jsonl", lambda line, i: {**line, "t_ns": 2_000_000_000_000_000_000 - i})


def the_server_saw_more_than_there_was(run: Path) -> None:
    """Let its account of the track be a thousand packets above the capture at its door."""
    file = run / names.SERVER_TRACKS
    file.write_text(re.sub(r'"packets_seen":(\d+)', lambda m: f'"packets_seen":{int(m[1]) + 1000}', file.read_text()))


CONTRADICTIONS: dict[Callable[[Path], None], str] = {
    fewer_samples_than_noted: "clients/subscriber/heard-publisher.pcm",
    notes_run_backwards: "clients/subscriber/heard-publisher",
    a_frame_is_left_out: "clients/publisher/frames.jsonl",
    the_kernel_counts_backwards: "host/network-server.jsonl",
    the_cgroups_clock_runs_backwards: "host/cgroup-server.jsonl",
}
"""Each with the piece that must be named; all of it sealed as if it were true."""


@pytest.mark.parametrize("contradict", CONTRADICTIONS, ids=lambda one: one.__name__)
def test_a_piece_that_contradicts_itself_is_named(contradict: Callable[[Path], None], copy: Copy) -> None:
    """Sealed or not: UNKNOWN, naming the piece."""
    run = copy("clean")
    contradict(run)
    reseal(run)
    found = judged(run).verdict
    assert found.outcome == Outcome.UNKNOWN
    assert any(CONTRADICTIONS[contradict] in reason for reason in found.reasons), found.reasons


def test_a_server_that_counts_otherwise_blames_nobody(whole: Whole, copy: Copy) -> None:
    """The server's own account against the capture at its door: nobody pays for it."""
    run = copy("clean")
    the_server_saw_more_than_there_was(run)
    reseal(run)
    assert not_blamed(whole("clean"), judged(run))
