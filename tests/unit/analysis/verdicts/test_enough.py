"""What a run waits for, and when what there is suffices; on made-up runs that grow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.flows.case import Asked
from lab.analysis.verdicts.enough import Standing, _spread, awaited, standing
from lab.evidence.recording import Recording
from lab.scenario.expectations import expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import GO_NS, MS, Plan, first_measured, recording

LONG = Plan(frames=1700, media=1500)
FIRST = first_measured(LONG)


def asked(**wanted: str) -> Asked:
    """Return 30 s of media with these expectations."""
    expect = tuple(expectations({name: [condition] for name, condition in wanted.items()}))
    return Asked(media=Media(duration_ms=30_000), expect=expect)


def growing(plan: Plan, seconds: float) -> tuple[Recording, int]:
    """Return what `plan` has left so many seconds after the impairment, and that time; the end is not written yet."""
    whole = recording(plan)
    now_ns = GO_NS + (plan.control_to_ms + 50) * MS + int(seconds * 1000) * MS
    taps = tuple(replace(tap, packets=tap.packets[tap.packets["t_ns"] <= now_ns]) for tap in whole.taps)
    steps = tuple(step for step in whole.steps if step.to_ns <= now_ns)
    clients = tuple(
        replace(
            each,
            frames=tuple(line for line in each.frames if (line.returned_ns or line.scheduled_ns) <= now_ns),
            inbound=tuple(sample for sample in each.inbound if sample.t_ns <= now_ns),
        )
        for each in whole.clients
    )
    marks = replace(whole.manifest.marks, media_to_ns=None, end_ns=None)
    manifest = replace(whole.manifest, marks=marks)
    return replace(whole, manifest=manifest, taps=taps, steps=steps, clients=clients), now_ns


def stands(plan: Plan, seconds: float, **wanted: str) -> Standing:
    """Say how things stand."""
    young, now_ns = growing(plan, seconds)
    return standing(young, asked(**wanted), now_ns)


def test_rates_and_quantiles_with_a_limit_of_their_own_are_waited_for() -> None:
    """Counts, trends, limits relative to the network and answers are not."""
    wanted = expectations(
        {
            "audio_loss": ["<= 5%", "<= network + 0.5%"],
            "lost_frames": ["<= 3"],
            "delay_p95": ["<= 150ms"],
            "delay_drift": ["<= 5ms"],
            "verdict": ["NONE"],
        }
    )
    assert [one.metric for one in awaited(tuple(wanted))] == ["audio_loss", "delay_p95"]


def test_clean_audio_is_enough_after_some_time_and_not_before() -> None:
    """Below 10 % after the floor; below 5 % it takes longer; the last two seconds are still on their way."""
    assert stands(LONG, 8, audio_loss="<= 10%") == Standing(seconds=6.0, open=("audio_loss <= 10%",))
    assert stands(LONG, 13, audio_loss="<= 10%").enough
    assert not stands(LONG, 13, audio_loss="<= 5%").enough
    assert stands(LONG, 22, audio_loss="<= 5%").enough


def test_clear_loss_is_enough_and_close_loss_is_not() -> None:
    """A fifth lost in pairs is far above 5 %; a twentieth is not."""
    much = replace(LONG, up_lost=[FIRST + 10 * n + i for n in range(140) for i in (0, 1)])
    some = replace(LONG, up_lost=[FIRST + 20 * n + i for n in range(70) for i in (0, 1)])
    assert stands(much, 20, uplink_loss="<= 5%").enough
    assert stands(some, 20, audio_loss="<= 5%").open == ("audio_loss <= 5%",)


def test_all_of_them_must_be_decided() -> None:
    """One of two is open: the run goes on, and says which one."""
    found = stands(LONG, 16, audio_loss="<= 10%", uplink_loss="<= 1%")
    assert (found.enough, found.open) == (False, ("uplink_loss <= 1%",))


@pytest.mark.parametrize("condition", ["<= 150ms", "<= 54ms", "<= 10ms"])
def test_a_quantile_is_a_share_of_what_lies_beyond(condition: str) -> None:
    """All of the audio takes 53.7 ms: that p95 is below or above these limits is certain after a while, not at once."""
    assert stands(LONG, 25, delay_p95=condition).enough
    assert stands(LONG, 7, delay_p95=condition).seconds < 10


@pytest.mark.parametrize("condition", ["<= 60%", "<= 10%"])
def test_what_was_made_up_is_a_share_of_each_moment(condition: str) -> None:
    """Three tenths of every 100 ms are concealed: that is below 60 % and above 10 %, not all of the time."""
    young, now_ns = growing(LONG, 25)
    speaker, listener = young.clients
    made_up = tuple(replace(one, concealed_samples=one.total_samples_received * 3 // 10) for one in listener.inbound)
    run = replace(young, clients=(speaker, replace(listener, inbound=made_up)))
    assert standing(run, asked(concealed=condition), now_ns).enough


def test_packets_on_their_way_are_not_lost() -> None:
    """A link of 1.5 s: what has not arrived yet is left out, and nothing is missing."""
    slow = {FIRST + n: 1500.0 for n in range(-1, 1600)}
    found = stands(replace(LONG, up_delay_ms=slow, up_held_ms=1500.0), 20, audio_loss="<= 10%")
    assert found.enough
    assert 14 < found.seconds < 17


def test_what_cannot_be_followed_yet_is_open_in_words() -> None:
    """Before the first packet, and before the media."""
    young, now_ns = growing(LONG, 5)
    nothing = replace(young, clients=tuple(replace(each, inbound=()) for each in young.clients))
    assert "statistics" in standing(nothing, asked(audio_loss="<= 5%"), now_ns).open[0]
    marks = replace(young.manifest.marks, media_from_ns=None)
    before = replace(young, manifest=replace(young.manifest, marks=marks))
    assert standing(before, asked(audio_loss="<= 5%"), now_ns).open == ("no media yet",)


def test_shares_become_a_line_without_losing_time() -> None:
    """0.25 of each 100 ms: two or three of ten steps, and a quarter in all."""
    line = _spread(np.full(40, 0.25))
    assert line.size == 400
    assert line.sum() == 100
    assert line[:10].sum() == 2
