"""`lab show --frames`: one frame's way in one line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.analysis.flows.case import Asked, Case, case_of
from lab.analysis.flows.flow import Flow, follow
from lab.analysis.ledger.ways import missing, ways
from lab.cli.results import span
from lab.errors import UsageError
from lab.evidence import names
from lab.evidence.recording import Recording
from lab.report.frames import lines
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import LEAD, Plan, first_measured, recording
from tests.unit.analysis.hearing import Hearing, heard

FIRST = first_measured(Plan())
ASKED = Asked(media=Media(duration_ms=4000), expect=tuple(expectations(DEFAULT)))


def followed(run: Recording) -> tuple[Case, Flow]:
    """Return the case that a run is, and its only flow."""
    case = case_of(run, ASKED)
    ((publisher, subscriber),) = case.scene.pairs
    return case, follow(case.scene, publisher, subscriber, case.times, case.links)


def told(run: Recording, first: int, last: int | None = None) -> list[str]:
    """Return the lines of these frames, without the title."""
    case, flow = followed(run)
    text = lines("title", ways(case, flow, first, first if last is None else last))
    return text.splitlines()[1:]


def seq(frame: int, plan: Plan) -> int:
    """Return the number of the packet that carries `frame`, in phase."""
    return (plan.first_seq + LEAD + frame) % 2**16


def test_the_whole_way_of_a_repaired_frame() -> None:
    """Pushed, its packet dropped, repaired from the next one, heard."""
    plan = Plan(up_lost=[FIRST + 50])
    (line,) = told(heard(plan, Hearing()), FIRST + 50)
    due = (FIRST + 50) * 0.02
    assert line.startswith(
        f"  #{FIRST + 50} pushed {due - 0.06:.3f} s → seq {seq(FIRST + 50, plan)} → dropped on the uplink (random) "
        f"→ repaired from #{FIRST + 51} (RED) → heard {due + 0.06:.2f}"
    )


def test_those_in_which_audio_is_missing_are_told_by_themselves() -> None:
    """What was lost, and nothing that was repaired; nor what is outside of the window."""
    gone = [FIRST + 50, FIRST + 51, FIRST + 90]
    found = missing(*followed(heard(Plan(up_lost=[2, *gone], red=False), Hearing(silent=gone))))
    assert [way.frame for way in found] == gone
    assert missing(*followed(heard(Plan(up_lost=[FIRST + 50]), Hearing()))) == ()


def test_without_an_ear_it_arrived() -> None:
    """Nobody listened: the line ends where the evidence does."""
    assert told(recording(Plan()), FIRST + 5)[0].endswith("→ arrived in time")


def test_both_packets_of_a_split_frame_are_told() -> None:
    """In the other push phase a frame is in two packets: once where they fared alike, by half where they did not."""
    plan = Plan(phase_ms=10, up_lost=[FIRST + 50, FIRST + 51])
    alike, apart = told(heard(plan, Hearing()), FIRST + 40)[0], told(heard(plan, Hearing()), FIRST + 50)[0]
    assert " + " in alike
    assert "half" not in alike
    assert "first half: " in apart
    assert "second half: " in apart


def test_late_silent_skipped_and_unmeasured_frames_say_so() -> None:
    """A push 100 ms too late after the silence it caused; a frame never pushed; one before the window."""
    plan = Plan(stalls={FIRST + 60: 160}, skips=[FIRST + 90])
    run = recording(plan)
    late, skipped, early = told(run, FIRST + 60)[0], told(run, FIRST + 90)[0], told(run, 3)[0]
    assert "(+100 ms late) after 100 ms of silence → seq" in late
    assert skipped == f"  #{FIRST + 90} never pushed"
    assert early.endswith("(not measured)")


@pytest.mark.parametrize(
    ("plan", "hearing", "words"),
    [
        (
            Plan(down_lost=[FIRST + 50], red=False),
            Hearing(),
            "→ dropped on the downlink (random) → lost on the downlink",
        ),
        (Plan(server_lost=[FIRST + 50], red=False), Hearing(), "→ swallowed by the server → lost at the server"),
        (Plan(host_lost=[FIRST + 50], red=False), Hearing(), "never left the client → lost at the client"),
        (Plan(), Hearing(silent=range(FIRST + 48, FIRST + 53)), "→ gone, unexplained"),
        (Plan(), Hearing(unread={FIRST + 48: 4800}), "→ played, not read"),
    ],
)
def test_where_a_frame_ended(plan: Plan, hearing: Hearing, words: str) -> None:
    """Each place has its words."""
    assert words in told(heard(plan, hearing), FIRST + 50)[0]


@pytest.mark.parametrize(
    ("place", "client", "lost"),
    [
        ("core", None, "gone"),
        ("edge", "subscriber", "lost on the downlink"),
    ],
)
def test_nothing_is_lost_where_a_capture_ended_before(place: str, client: str | None, lost: str) -> None:
    """What it would have shown is not known; the line says which capture, and when it ended."""
    run = heard(Plan(), Hearing())
    (whole,) = [tap for tap in run.taps if (tap.place, tap.client) == (place, client)]
    some = whole.packets[: len(whole.packets) // 2]
    cut = replace(whole, packets=some, torn="ends at byte 7")
    torn = replace(run, taps=tuple(cut if tap is whole else tap for tap in run.taps))
    (line,) = told(torn, FIRST + 150)
    assert f"→ not known: {names.tap(place, client)} ends at " in line
    assert lost not in line
    assert "dropped" not in line
    assert told(torn, FIRST + 5)[0].split("→")[-1].startswith(" heard")


def test_frames_that_were_not_made_are_refused() -> None:
    """The error says which there are, and which of them are measured."""
    with pytest.raises(UsageError, match="frames 290-300: publisher made 300 frames") as error:
        told(recording(Plan()), 290, 300)
    assert f"0-299; {FIRST}-{FIRST + 199} are measured" in error.value.fix


def test_a_range_is_first_and_last_or_one() -> None:
    """Both ends are meant; anything else is refused with an example."""
    assert (span("800-820"), span("812"), span("5-5")) == (range(800, 821), range(812, 813), range(5, 6))
    assert span("missing") is None
    for wrong in ("", "x", "20-10", "5-", "-5", "1-2-3", "1.5", "٣", "1-" + "9" * 5000):
        with pytest.raises(UsageError, match="not a range of frames"):
            span(wrong)
