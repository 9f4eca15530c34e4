"""Several flows in one run: one publisher, two subscribers on different links, two right ledgers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lab.analysis.flows.case import Asked
from lab.analysis.judge import judge
from lab.analysis.values import Outcome, Owner
from lab.evidence.manifest import Place
from lab.evidence.recording import Recording
from lab.evidence.steps import StepState
from lab.evidence.values import Packets, Tap
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import DOWN_SSRC, SUBSCRIBER, Plan, first_measured, number, recording

FIRST = first_measured(Plan())
OTHER, OTHER_SSRC = "198.18.1.10", 333
ASKED = Asked(media=Media(duration_ms=4000), expect=tuple(expectations(DEFAULT)))


def moved(packets: Packets) -> Packets:
    """Return the subscriber's packets as the other one's."""
    ours = packets[packets["dst"] == number(SUBSCRIBER)].copy()
    ours["dst"], ours["ssrc"] = number(OTHER), OTHER_SSRC
    return ours


def joined(first: Recording, second: Recording) -> Recording:
    """Return `first` with the subscriber of `second` beside its own, under another name, address and SSRC."""
    theirs = {tap.place: moved(tap.packets) for tap in second.taps if tap.client != "publisher"}
    core = next(tap for tap in first.taps if tap.place == "core")
    both = np.sort(np.concatenate([core.packets, theirs["core"]]), order="t_ns")
    taps = [replace(tap, packets=both) if tap is core else tap for tap in first.taps]
    taps += [Tap(place=place, client="other", packets=theirs[place], dropped=0) for place in ("edge", "inner")]
    listener = second.clients[1]
    inbound = tuple(replace(sample, ssrc=OTHER_SSRC) for sample in listener.inbound)
    place = Place(name="other", role="subscriber", ip=OTHER, linked=True)
    return replace(
        first,
        taps=tuple(taps),
        clients=(*first.clients, replace(listener, name="other", address=OTHER, inbound=inbound)),
        steps=tuple(both_directions(a, b) for a, b in zip(first.steps, second.steps, strict=True)),
        manifest=replace(first.manifest, clients=(*first.manifest.clients, place)),
    )


def both_directions(first: StepState, second: StepState) -> StepState:
    """Return one reading of three links."""
    theirs = tuple(replace(one, client="other") for one in second.directions if one.client == "subscriber")
    return replace(first, directions=(*first.directions, *theirs))


def test_two_subscribers_get_two_right_ledgers() -> None:
    """The uplink's pair is lost to both, the downlink's triple to one; the run is its worst flow's."""
    up = [FIRST + 10, FIRST + 11]
    run = judge(
        joined(recording(Plan(up_lost=up)), recording(Plan(up_lost=up, down_lost=[FIRST + n for n in (50, 51, 52)]))),
        ASKED,
    )
    first, other = run.flows
    assert (first.subscriber, other.subscriber) == ("subscriber", "other")
    assert [row.frames_lost for row in first.hops[:5]] == [0, 0, 1, 0, 0]
    assert [row.frames_lost for row in other.hops[:5]] == [0, 0, 1, 0, 2]
    assert (run.outcome, run.owner) == (Outcome.PASS, Owner.DOWNLINK)


def test_one_subscriber_without_media_does_not_hide_the_other() -> None:
    """The second one never heard anything and nothing says why: that flow is unknown, the first one is judged."""
    run = joined(recording(Plan()), recording(Plan()))
    deaf = replace(run, clients=(*run.clients[:2], replace(run.clients[2], inbound=())))
    verdict = judge(deaf, ASKED)
    assert [flow.outcome for flow in verdict.flows] == [Outcome.PASS, Outcome.UNKNOWN]
    assert verdict.outcome == Outcome.UNKNOWN


def unlinked(run: Recording) -> Recording:
    """Return the run without the subscriber's link: it is seen at `open`, and nothing stands between core and it."""
    open_tap = next(tap for tap in run.taps if tap.place == "inner" and tap.client == "subscriber")
    taps = [tap for tap in run.taps if tap.client != "subscriber"]
    places = tuple(replace(place, linked=place.name == "publisher") for place in run.manifest.clients)
    return replace(
        run,
        taps=(*taps, replace(open_tap, place="open", client=None)),
        manifest=replace(run.manifest, clients=places),
        steps=tuple(
            replace(step, directions=tuple(one for one in step.directions if one.client == "publisher"))
            for step in run.steps
        ),
    )


def test_a_client_without_a_link_is_seen_at_the_open_tap() -> None:
    """The ledger is the same but for a downlink that nothing impairs."""
    run = judge(unlinked(recording(Plan(up_lost=[FIRST + 10, FIRST + 11]))), ASKED)
    assert [row.frames_lost for row in run.flows[0].hops[:5]] == [0, 0, 1, 0, 0]
    assert run.outcome == Outcome.PASS
    assert DOWN_SSRC != OTHER_SSRC
