"""The ear: what was read is found again through all that a jitter buffer does; and what was not, by who saw it go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lab.analysis.ear.listen import Heard
from lab.analysis.flows.case import Asked, case_of
from lab.analysis.flows.flow import Flow, follow
from lab.analysis.judge import judge
from lab.analysis.values import FlowVerdict, Hop, Outcome, Owner
from lab.evidence.recording import Recording
from lab.evidence.values import Event, PlayedAudio
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from tests.fakes.answering import answering
from tests.fakes.levels import level_dbov
from tests.unit.analysis import build, hearing
from tests.unit.analysis.build import Plan, first_measured, recording
from tests.unit.analysis.hearing import LOOKAHEAD, Hearing, heard, place

FIRST = first_measured(Plan())
ASKED = Asked(media=Media(duration_ms=4000), expect=tuple(expectations(DEFAULT)))


def verdict(run: Recording) -> FlowVerdict:
    """Judge the only flow, as if no gate made its run void."""
    with answering():
        (flow,) = judge(run, ASKED).flows
    return flow


def followed(run: Recording) -> Flow:
    """Follow the only flow."""
    case = case_of(run, ASKED)
    ((publisher, subscriber),) = case.scene.pairs
    return follow(case.scene, publisher, subscriber, case.times, case.links)


def row(flow: FlowVerdict, name: str) -> Hop:
    """Return one row of the ledger."""
    return next(hop for hop in flow.hops if hop.name == name)


@pytest.mark.parametrize("phase_ms", [0, 10])
def test_all_is_heard_in_its_place_in_both_push_phases(phase_ms: int) -> None:
    """Nothing lost: every block is heard, to within a step of where it really is, and read when it was."""
    flow = followed(heard(Plan(phase_ms=phase_ms), Hearing()))
    ear, inside = flow.ear, flow.made.inside(flow.window)
    assert ear is not None
    assert (ear.heard[inside] == 1).all()
    block = np.arange(flow.made.frame.size)
    true = place(0) + LOOKAHEAD + block * 480 - phase_ms * 48
    late = (ear.sample - true)[inside]
    assert np.abs(late).max() <= 240
    assert np.abs(np.diff(ear.heard_ns[inside]) - 10_000_000).max() <= 5_000_000


def test_the_balance_is_of_what_was_heard() -> None:
    """Clean: made = heard, and both rows behind the wire are there, with nothing lost."""
    flow = verdict(heard(Plan(), Hearing()))
    assert (flow.outcome, flow.frames.made, flow.frames.heard, flow.frames.unexplained) == (Outcome.PASS, 200, 200, 0)
    assert (row(flow, "playout").frames_lost, row(flow, "read").frames_lost) == (0, 0)


def test_without_sound_nothing_is_said_about_hearing() -> None:
    """No PCM: heard is unknown, and nobody watched the reading."""
    flow = verdict(recording(Plan()))
    assert flow.frames.heard is None
    assert "read" not in {hop.name for hop in flow.hops}


@pytest.mark.parametrize("phase_ms", [0, 10])
def test_stretching_and_shrinking_lose_nothing(phase_ms: int) -> None:
    """A pitch period in or out every 200 ms, and half a second of waiting once: all is heard."""
    some = range(FIRST + 5, FIRST + 190, 10)
    behind = Hearing(
        inserted={n: 240 + 17 * (n % 9) for n in some[::2]} | {FIRST + 100: 24_000},
        removed={n: 240 + 13 * (n % 9) for n in some[1::2]},
    )
    flow = verdict(heard(Plan(phase_ms=phase_ms), behind))
    assert (flow.frames.heard, flow.frames.unexplained, flow.frames.lost) == (200, 0, 0)


@pytest.mark.parametrize("phase_ms", [0, 10])
def test_concealment_that_sounds_right_is_no_hearing(phase_ms: int) -> None:
    """Three packets lost: concealment repeats a mark, the capture decides, and the uplink has them all."""
    gone = [FIRST + n for n in (40, 41, 90, 91, 92)]
    behind = Hearing(repeated=gone[1:2] + gone[3:], concealed={gone[0]: 960, gone[2]: 1920})
    flow = verdict(heard(Plan(up_lost=gone, phase_ms=phase_ms), behind))
    assert (flow.frames.heard, flow.frames.lost, flow.frames.unexplained) == (197, 3, 0)
    assert row(flow, "uplink").frames_lost == 3


def test_made_up_instead_of_what_came_in_time_is_playout() -> None:
    """Four packets arrived and their places hold the sound before them, which NetEQ says it made up."""
    gone = [FIRST + n for n in (60, 61, 62, 63)]
    flow = verdict(heard(Plan(), Hearing(silent=gone, concealed={gone[0]: 4 * 960})))
    assert row(flow, "playout").frames_lost == pytest.approx(4, abs=0.5)
    assert (row(flow, "playout").owner, flow.frames.unexplained) == (Owner.CLIENT_HOST, 0)
    ghost = verdict(heard(Plan(), Hearing(repeated=gone[:2], concealed={gone[0]: 1920})))
    assert (row(ghost, "playout").frames_lost, ghost.frames.unexplained) == (1, 0)


def test_silence_that_nobody_made_up_is_unexplained() -> None:
    """No concealment, nothing unread: it is printed, and nobody is blamed."""
    flow = verdict(heard(Plan(), Hearing(silent=[FIRST + n for n in (60, 61, 62, 63)])))
    assert flow.frames.unexplained == pytest.approx(4, abs=0.5)
    assert flow.owner in (Owner.NONE, Owner.UNDECIDED)


def test_a_sound_that_is_not_its_own_is_unknown_and_no_loss() -> None:
    """A decoder that smears is no hole: in its place, not silent, nothing concealed."""
    run = heard(Plan(), Hearing(repeated=[FIRST + 60, FIRST + 61]))
    flow = verdict(run)
    assert (flow.frames.heard, flow.frames.unexplained) == (200, 0)
    ear = followed(run).ear
    assert ear is not None
    assert (ear.heard == 2).sum() == 2


def test_delivered_and_never_read_is_the_programs() -> None:
    """A bounded queue dropped 100 ms twice: fewer samples were read than NetEQ delivered."""
    flow = verdict(heard(Plan(), Hearing(unread={FIRST + 50: 4800, FIRST + 120: 4800})))
    assert row(flow, "read").frames_lost == pytest.approx(10, abs=1)
    assert (row(flow, "read").owner, flow.frames.unexplained) == (Owner.CLIENT, 0)
    assert (flow.outcome, flow.owner) == (Outcome.FAIL, Owner.CLIENT)


def test_the_same_hole_with_all_samples_read_is_unexplained() -> None:
    """What NetEQ itself left out without a word is nobody's."""
    flow = verdict(heard(Plan(), Hearing(removed={FIRST + 50: 1920})))
    assert flow.frames.unexplained == pytest.approx(2, abs=0.5)
    assert row(flow, "read").frames_lost == 0


@pytest.mark.parametrize("behind", [2, 10])
@pytest.mark.parametrize("frames", [3, 8, 9, 10, 11, 12, 22])
def test_a_jump_near_the_end_is_found_whatever_its_length(frames: int, behind: int) -> None:
    """Eleven frames later one of two tones is the same again: two frames behind the jump are enough to tell."""
    waited, jump = 24, FIRST + 150
    run = heard(
        Plan(),
        Hearing(inserted={FIRST + 20: waited * 960}, removed={jump: frames * 960}, stops_at=jump + waited + behind),
    )
    ear = followed(run).ear
    assert ear is not None
    gone, after = (slice(2 * a, 2 * b) for a, b in ((jump, jump + frames), (jump + frames, jump + frames + behind)))
    assert (ear.heard[gone] == Heard.YES).sum() <= 1
    assert (ear.heard[after] == Heard.YES).all()


def test_no_sound_is_made_up_that_is_read_before_it_arrived() -> None:
    """A buffer of 60 ms leaves out 50 at most, and more only where it had waited: the ear would look for it in vain."""
    with pytest.raises(ValueError, match=r"packet 190 is read before it arrived: insert 7200 before"):
        heard(Plan(), Hearing(removed={190: 9600}))
    heard(Plan(), Hearing(removed={190: 9600}, inserted={100: 7200}))


def test_a_program_that_stops_reading_cuts_the_end_off() -> None:
    """NetEQ goes on, the program does not: what came after is the program's."""
    flow = verdict(heard(Plan(), Hearing(stops_at=FIRST + 150)))
    assert row(flow, "read").frames_lost == pytest.approx(50, abs=1)
    assert flow.frames.unexplained == 0


def ended(run: Recording, later_ms: int = 0, *, frozen: bool = False) -> Recording:
    """Let NetEQ stop when the program stops reading, and the program leave `later_ms` after that.

    `frozen`: its statistics go on, and say the same.
    """
    publisher, subscriber = run.clients
    until = subscriber.heard[0].reads[-1].t_ns
    inbound = [sample for sample in subscriber.inbound if sample.t_ns <= until]
    if frozen:
        inbound += [replace(inbound[-1], t_ns=one.t_ns) for one in subscriber.inbound if one.t_ns > until]
    left = Event(t_ns=until + later_ms * build.MS, name="disconnected", detail={})
    return replace(run, clients=(publisher, replace(subscriber, inbound=tuple(inbound), events=(left,))))


@pytest.mark.parametrize("frames", [20, 25])
def test_what_had_not_come_to_its_turn_when_the_listener_left_is_tail(frames: int) -> None:
    """They waited when the program left, playing: nobody's loss up to 500 ms, and nothing is unexplained."""
    flow = verdict(ended(heard(Plan(), Hearing(stops_at=FIRST + 200 - frames))))
    assert flow.frames.kinds["tail"] == frames
    assert (flow.frames.lost, flow.frames.unexplained) == (0, 0)
    assert flow.outcome == Outcome.PASS


def test_more_than_half_a_second_of_it_is_not_measured() -> None:
    """30 frames: nobody is blamed, and nothing is called fine."""
    flow = verdict(ended(heard(Plan(), Hearing(stops_at=FIRST + 170))))
    assert (flow.outcome, flow.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)
    assert "0.60 s of the media were still under way when the call ended" in flow.reasons[0]


@pytest.mark.parametrize("later", [{"later_ms": 1000}, {"later_ms": 1000, "frozen": True}, {"frozen": True}])
def test_sound_that_stops_while_the_program_stays_is_no_tail(later: dict[str, Any]) -> None:
    """Statistics that go on, or a program that leaves a second later: what came after the last sound had its turn."""
    run = ended(heard(Plan(), Hearing(stops_at=FIRST + 190)), **later)
    if later == {"frozen": True}:  # without a word of leaving: its statistics say that it stayed
        publisher, subscriber = run.clients
        run = replace(run, clients=(publisher, replace(subscriber, events=())))
    flow = verdict(run)
    assert flow.frames.kinds == {}
    assert flow.frames.unexplained == pytest.approx(10, abs=0.5)


def test_what_came_after_a_silence_at_the_end_was_not_under_way() -> None:
    """A quarter of a second of silence was read behind the last sound: the frames behind it had had their turn."""
    run = heard(Plan(), Hearing(stops_at=FIRST + 170))
    publisher, subscriber = run.clients
    (audio,) = subscriber.heard
    silent = np.concatenate([audio.samples, np.zeros(12_000, np.int16)])
    last = audio.reads[-1]
    reads = (*audio.reads, replace(last, t_ns=last.t_ns + 250 * build.MS, samples=last.samples + 12_000))
    longer = replace(subscriber, heard=(replace(audio, samples=silent, reads=reads),))
    flow = verdict(ended(replace(run, clients=(publisher, longer))))
    assert flow.frames.kinds == {}
    assert flow.frames.unexplained > 0


def test_single_blocks_that_a_queue_dropped_are_the_programs_too() -> None:
    """Ten milliseconds at a time: each alone might be a stretch, but the counts say that they were never read."""
    holes = {FIRST + n: 480 for n in range(50, 90, 4)}
    flow = verdict(heard(Plan(), Hearing(unread=holes)))
    assert row(flow, "read").frames_lost == pytest.approx(5, abs=1.5)
    assert flow.frames.unexplained == 0
    stretched = verdict(heard(Plan(), Hearing(removed={FIRST + n: 480 for n in range(50, 52, 4)})))
    assert (stretched.frames.heard, stretched.frames.unexplained) == (200, 0)


def test_what_concealment_swallows_at_its_end_died_of_what_began_it() -> None:
    """Ten packets lost, and NetEQ comes back 40 ms later than it should: those frames are the uplink's as well."""
    gone = [FIRST + n for n in range(60, 70)]
    flow = verdict(heard(Plan(up_lost=gone, red=False), Hearing(repeated=gone, removed={FIRST + 70: 1920})))
    assert row(flow, "uplink").frames_lost == pytest.approx(12, abs=0.5)
    assert (flow.frames.unexplained, row(flow, "playout").frames_lost) == (0, 0)


def test_every_block_is_in_one_place() -> None:
    """Losses, stretching, silence and a hole together: made = heard + lost + unexplained."""
    behind = Hearing(
        silent=[FIRST + 20], unread={FIRST + 100: 4800}, inserted={FIRST + 70: 960}, concealed={FIRST + 40: 960}
    )
    frames = verdict(heard(Plan(up_lost=[FIRST + 40, FIRST + 41], skips=[FIRST + 150]), behind)).frames
    assert None not in (frames.made, frames.heard, frames.lost, frames.unexplained)
    assert frames.made == frames.heard + frames.lost + frames.unexplained  # type: ignore[operator]


def test_other_audio_than_the_marks_has_no_ear() -> None:
    """The levels that the program logged are not the marks': nobody knows what should have been heard."""
    run = heard(Plan(), Hearing())
    publisher, subscriber = run.clients
    spoken = tuple(replace(line, levels=tuple(level + 3 for level in line.levels)) for line in publisher.frames)
    flow = followed(replace(run, clients=(replace(publisher, frames=spoken), subscriber)))
    assert flow.ear is None


def speech() -> NDArray[np.int16]:
    """Return three seconds of something like speech at 48 kHz.

    Sixty sounds of 50 ms, each of three tones of its own, and every tenth of them silence.
    """
    dice, t = np.random.default_rng(3), np.arange(2400) / 48_000
    tones = [dice.uniform(300, 3500, 3) for _ in range(60)]
    sounds = [3000 * (i % 10 > 0) * np.sin(2 * np.pi * f[:, None] * t).sum(axis=0) for i, f in enumerate(tones)]
    return np.concatenate(sounds).astype(np.int16)


def test_any_sound_that_is_known_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three seconds in a loop, pauses included: all of it is heard; against another sound there is no ear."""
    loop = speech()

    def frame(number: int) -> NDArray[np.int16]:
        return np.take(loop, np.arange(number * 960, (number + 1) * 960), mode="wrap")

    def levels(number: int) -> tuple[float, float]:
        return level_dbov(frame(number)[:480]), level_dbov(frame(number)[480:])

    monkeypatch.setattr(build, "levels", levels)
    monkeypatch.setattr(hearing, "marked_frame", frame)
    run = heard(Plan(), Hearing())
    publisher, subscriber = run.clients
    known = replace(publisher, played=PlayedAudio(sample_rate=48_000, samples=loop))
    flow = verdict(replace(run, clients=(known, subscriber)))
    assert (flow.frames.heard, flow.frames.lost, flow.frames.unexplained) == (200, 0, 0)
    foreign = replace(publisher, played=PlayedAudio(sample_rate=48_000, samples=loop // 3))
    assert followed(replace(run, clients=(foreign, subscriber))).ear is None
    assert followed(run).ear is None


def test_the_end_of_a_slot_that_the_packet_behind_brought_is_not_its_own() -> None:
    """Opus looks ahead: after silence in its place, 6.5 ms of a lost slot are heard, and saved nobody."""
    lost = [FIRST + n for n in range(10, 190, 10)]
    ear = followed(heard(Plan(up_lost=lost, red=False), Hearing(silent=lost))).ear
    assert ear is not None
    own = ear.own[: 2 * 300].reshape(-1, 2)
    assert not own[lost].any()
    assert own[[n + 1 for n in lost]].all()
