"""Stopping early never changes an answer: each stored recording is looked at while it grows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from lab.analysis.flows.case import Asked, asked_of
from lab.analysis.judge import judge
from lab.analysis.verdicts import enough
from lab.analysis.verdicts.enough import Standing, standing
from lab.evidence.reading import read
from lab.evidence.recording import Recording
from lab.evidence.values import ClientEvidence
from lab.scenario.expectations import expectations
from tests.replay.keep import unpacked

GROWN = ("clean", "twenty-percent", "sender-stalls", "burst-loss", "jitter", "muted")
"""Nothing wrong, losses alone and in rows, holes, lateness, silence by intent."""
LOOK_NS = 1_000_000_000
FIRST_NS = 6 * LOOK_NS
"""Of which two seconds are under way."""
WANTED = {
    "audio_loss": ["<= 1%", "<= 5%", "<= 10%", "<= 30%"],
    "uplink_loss": ["<= 1%", "<= 10%", "<= 40%"],
    "downlink_loss": ["<= 10%"],
    "code_loss": ["<= 2%", "<= 10%"],
    "concealed": ["<= 2%", "<= 10%"],
    "stretched": ["<= 10%"],
    "delay_p50": ["<= 20ms", "<= 500ms"],
    "delay_p95": ["<= 20ms", "<= 1s"],
    "gap_p95": ["<= 10ms", "<= 5s"],
}
"""Limits below and above what is in them, and some close to it."""


def until(recording: Recording, t_ns: int) -> Recording:
    """Return what there was of `recording` at `t_ns`; the end's marks, steps and exit codes had not been written."""
    taps = tuple(replace(tap, packets=tap.packets[tap.packets["t_ns"] <= t_ns]) for tap in recording.taps)
    marks = replace(recording.manifest.marks, media_to_ns=None, end_ns=None)
    return replace(
        recording,
        manifest=replace(recording.manifest, marks=marks, files={}),
        taps=taps,
        clients=tuple(_client_until(each, t_ns) for each in recording.clients),
        steps=tuple(step for step in recording.steps if step.to_ns <= t_ns),
        cgroups={},
        broken=("not sealed",),
    )


def _client_until(left: ClientEvidence, t_ns: int) -> ClientEvidence:
    return replace(
        left,
        events=tuple(event for event in left.events if event.t_ns <= t_ns),
        frames=tuple(line for line in left.frames if (line.returned_ns or line.scheduled_ns) <= t_ns),
        inbound=tuple(sample for sample in left.inbound if sample.t_ns <= t_ns),
        outbound=tuple(sample for sample in left.outbound if sample.t_ns <= t_ns),
        pairs=tuple(sample for sample in left.pairs if sample.t_ns <= t_ns),
        exit_code=None,
    )


def looks(recording: Recording) -> Iterator[int]:
    """Yield the moments to look at, a second apart, and the end."""
    marks = recording.manifest.marks
    assert marks.media_from_ns is not None
    assert marks.media_to_ns is not None
    yield from range(marks.media_from_ns + FIRST_NS, marks.media_to_ns + 2 * LOOK_NS, LOOK_NS)


@pytest.fixture(scope="module", params=GROWN)
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Read one recording."""
    return read(unpacked(request.param, tmp_path_factory.mktemp("growing")))


def test_whatever_is_decided_on_the_way_the_whole_recording_does_not_contradict(stored: Recording) -> None:
    """Met stays met and failed stays failed, from 4 s on, which is less than a real run waits for.

    Where a cause comes and goes (a server that starves after a while) one limit close by may be unknown in the end.
    """
    asked = Asked(media=asked_of(stored).media, expect=tuple(expectations(WANTED)))
    (flow,) = judge(stored, asked).flows
    at_last = {(one.metric, one.limit): one.result for one in flow.expectations}
    early = [found for t_ns in looks(stored) for found in decided(until(stored, t_ns), asked, t_ns)]
    changed = {(name, result, at_last[name]) for name, result in early if at_last[name] != result}
    assert {now for _, _, now in changed} <= {"unknown"}
    assert len(changed) <= 1
    assert early, "some limits are so far away that they are decided within seconds"


def decided(recording: Recording, asked: Asked, now_ns: int) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield each expectation that is certain by `now_ns`, with its result then."""
    case = enough.case_of(recording, asked)
    measures = enough._measured(case, *case.scene.pairs[0], now_ns)
    for one in asked.expect:
        if enough.certain(measures, one):
            (found,) = enough.check(measures, [one])
            yield (found.metric, found.limit), found.result


def test_less_than_ten_seconds_are_never_enough(stored: Recording) -> None:
    """However clear it is: the stored ones are shorter."""
    asked = Asked(media=asked_of(stored).media, expect=tuple(expectations({"audio_loss": ["<= 90%"]})))
    for t_ns in looks(stored):
        found = standing(until(stored, t_ns), asked, t_ns)
        assert not found.enough or found.seconds >= 10


def test_before_the_media_nothing_is_known(stored: Recording) -> None:
    """A look during the clean control says so and stops nothing."""
    marks = replace(stored.manifest.marks, media_from_ns=None, media_to_ns=None)
    young = replace(stored, manifest=replace(stored.manifest, marks=marks), steps=())
    assert standing(young, asked_of(stored), 0) == Standing(seconds=0.0, open=("no media yet",))
