"""No media at all: what was seen before a link and not behind it says whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.flows.case import Asked
from lab.analysis.judge import judge
from lab.analysis.values import Outcome, Owner, RunVerdict
from lab.evidence.accounts import CgroupSecond
from lab.evidence.recording import Recording
from lab.evidence.values import KIND_OTHER, KIND_STUN, PACKET, Event, Packets, Tap
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import GO_NS, MS, PUBLISHER, SERVER, Plan, number, recording

ASKED = Asked(media=Media(duration_ms=4000), expect=tuple(expectations(DEFAULT)))
TCP, UDP = 6, 17


def row(src: str, dst: str, *, proto: int = UDP, port: int = 7882, kind: int = KIND_STUN) -> Packets:
    """Return one packet."""
    one = np.zeros(1, PACKET)
    one["t_ns"], one["src"], one["dst"] = GO_NS + 100 * MS, number(src), number(dst)
    one["proto"], one["dport"], one["kind"] = proto, port, kind
    return one


SIGNAL = row(PUBLISHER, SERVER, proto=TCP, port=7880, kind=KIND_OTHER)
SIGNAL_BACK = row(SERVER, PUBLISHER, proto=TCP, port=40_000, kind=KIND_OTHER)
ASK, ANSWER = row(PUBLISHER, SERVER), row(SERVER, PUBLISHER, port=40_000)
ELSEWHERE = row(PUBLISHER, "203.0.113.9")
STUN_SERVER = row(PUBLISHER, SERVER, port=3478)


def silent(edge: Sequence[Packets], inner: Sequence[Packets], core: Sequence[Packets]) -> Recording:
    """Return a run in which the publisher never got media: only these packets were seen of it."""
    run = recording(Plan())
    seen = {("edge", "publisher"): edge, ("inner", "publisher"): inner, ("core", None): core}
    taps = tuple(
        Tap(
            place=tap.place,
            client=tap.client,
            packets=np.concatenate([np.zeros(0, PACKET), *seen.get((tap.place, tap.client), ())]),
            dropped=0,
        )
        for tap in run.taps
    )
    clients = tuple(replace(one, frames=(), inbound=(), outbound=(), pairs=()) for one in run.clients)
    marks = replace(run.manifest.marks, media_from_ns=None, media_to_ns=None)
    return replace(run, taps=taps, clients=clients, steps=(), manifest=replace(run.manifest, marks=marks))


SIGNALLED = (SIGNAL, SIGNAL_BACK)
CASES = {
    "udp blocked up": ((*SIGNALLED, ASK, ASK), SIGNALLED, SIGNALLED, Owner.CONNECT, "none behind it", "udp-blocked"),
    "udp blocked down": (
        (*SIGNALLED, ASK),
        (*SIGNALLED, ASK, ANSWER),
        (*SIGNALLED, ASK, ANSWER),
        Owner.CONNECT,
        "none came through",
        "udp-blocked",
    ),
    "tcp blocked": ((SIGNAL,), (), (), Owner.CONNECT, "signalling of publisher", "all-blocked"),
    "wrong address": (
        (*SIGNALLED, STUN_SERVER, ELSEWHERE),
        (*SIGNALLED, STUN_SERVER, ELSEWHERE),
        SIGNALLED,
        Owner.CONFIG,
        "203.0.113.9:7882, which is not the server",
        "wrong-address",
    ),
    "server is mute": ((*SIGNALLED, ASK), (*SIGNALLED, ASK), (*SIGNALLED, ASK), Owner.SERVER, "answered none", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_where_joining_broke_off_names_its_owner(name: str) -> None:
    """Frames unknown, not 0; the owner and the packets that show it; a failure, for nothing was heard."""
    edge, inner, core, owner, words, code = CASES[name]
    run = judge(silent(edge, inner, core), ASKED)
    flow = run.flows[0]
    assert (run.outcome, run.owner) == (Outcome.FAIL, owner)
    assert words in flow.reasons[0]
    assert flow.frames.made is None
    assert [hop.name for hop in flow.hops] == ["connect"]
    assert [cause.reason for cause in flow.causes] == ([code] if code else [])


def over_tcp(run: Recording) -> Recording:
    """Return `run` with the publisher's media on TCP to the server, and no RTP of it on UDP."""
    source = run.clients[0]
    pairs = tuple(replace(pair, protocol="tcp", remote=f"{SERVER}:7881") for pair in source.pairs)
    taps = tuple(replace(tap, packets=tap.packets[tap.packets["src"] != number(PUBLISHER)]) for tap in run.taps)
    return replace(run, clients=(replace(source, pairs=pairs), run.clients[1]), taps=taps)


def test_media_on_tcp_is_configuration_and_no_measurement() -> None:
    """It was heard, so nothing is said about how much is missing: frames and metrics unknown, the owner CODE/config."""
    wanted = expectations({"verdict": ["CODE/config"], "reason": ["media-over-tcp"]})
    run = judge(over_tcp(recording(Plan())), replace(ASKED, expect=tuple(wanted)))
    flow = run.flows[0]
    assert (run.outcome, run.owner) == (Outcome.PASS, Owner.CONFIG)
    assert (flow.frames.made, flow.causes[0].share) == (None, 0.0)
    unmet = judge(over_tcp(recording(Plan())), ASKED)
    assert unmet.outcome == Outcome.FAIL
    assert {line.result for line in unmet.flows[0].expectations} == {"unknown"}


def test_an_expected_firewall_passes() -> None:
    """`verdict: NETWORK/connect` holds when that is what happened."""
    edge, inner, core, *_ = CASES["udp blocked up"]
    wanted = replace(ASKED, expect=tuple(expectations({"verdict": ["NETWORK/connect"]})))
    assert judge(silent(edge, inner, core), wanted).outcome == Outcome.PASS


def test_what_is_expected_beside_the_firewall_counts() -> None:
    """`verdict: NETWORK/connect` was met, `lost_frames` could not be measured: UNKNOWN, and both are listed."""
    edge, inner, core, *_ = CASES["udp blocked up"]
    wanted = replace(ASKED, expect=tuple(expectations({"verdict": ["NETWORK/connect"], "lost_frames": ["== 0"]})))
    run = judge(silent(edge, inner, core), wanted)
    assert run.outcome == Outcome.UNKNOWN
    assert [(one.metric, one.result) for one in run.flows[0].expectations] == [
        ("verdict", "met"),
        ("lost_frames", "unknown"),
    ]


def test_media_that_never_came_was_absent_all_the_time() -> None:
    """`absence` is known although nothing else is, and it is whoever's the connection is; on TCP it was heard."""
    edge, inner, core, *_ = CASES["udp blocked up"]
    wanted = replace(ASKED, expect=tuple(expectations({"absence": ["== 0ms"]})))
    run = judge(silent(edge, inner, core), wanted)
    (line,) = run.flows[0].expectations
    assert (run.outcome, run.owner, line.result) == (Outcome.FAIL, Owner.CONNECT, "failed")
    assert line.value == run.flows[0].symptoms.absence == ASKED.media.duration_ms
    assert judge(over_tcp(recording(Plan())), wanted).flows[0].symptoms.absence is None


@pytest.mark.parametrize("place", ["edge", "inner", "core"])
@pytest.mark.parametrize("name", CASES)
def test_without_a_capture_nobody_is_blamed(name: str, place: str) -> None:
    """The packets that would tell are in the missing capture: UNKNOWN naming it, whatever the client says."""
    edge, inner, core, *_ = CASES[name]
    run = silent(edge, inner, core)
    client = replace(run.clients[0], exit_code=1)
    left = tuple(tap for tap in run.taps if tap.place != place)
    verdict = judge(replace(run, taps=left, clients=(client, run.clients[1])), ASKED)
    assert (verdict.outcome, verdict.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)
    assert f"the {place} capture" in verdict.reasons[0]


def test_media_that_flowed_is_not_unconnected_for_want_of_statistics() -> None:
    """The captures show it arriving: the missing statistics are named, the client's exit is not the cause."""
    run = recording(Plan())
    mute = replace(run.clients[1], inbound=(), exit_code=1)
    verdict = judge(replace(run, clients=(run.clients[0], mute)), ASKED)
    assert (verdict.outcome, verdict.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)
    assert "has no statistics of publisher" in verdict.reasons[0]


def failed_with(**left: object) -> RunVerdict:
    """Judge a run without any packet whose publisher left this."""
    run = silent((), (), ())
    return judge(replace(run, clients=(replace(run.clients[0], **left), run.clients[1])), ASKED)


def test_a_client_that_tells_why_is_believed_when_packets_say_nothing() -> None:
    """Its error, its exit code or the kernel's kill: CODE/client."""
    told = Event(t_ns=GO_NS, name="error", detail={"text": "token refused"})
    assert failed_with(events=(told,)).reasons[0] == "no media: publisher: token refused"
    assert failed_with(exit_code=3).owner == Owner.CLIENT
    assert "ran out of memory" in failed_with(oom_killed=True).reasons[0]


def starved(share: float, run: Recording, **left: object) -> RunVerdict:
    """Judge `run` as if the publisher's quota withheld CPU for `share` of 25 s, and it was killed and left this."""
    looks = tuple(
        CgroupSecond(
            t_ns=GO_NS + second * 1000 * MS,
            cpu_ns=second * 10 * MS,
            throttled_ns=int(second * share * 1000) * MS,
            throttled_periods=second * 10,
            memory_bytes=1,
        )
        for second in range(26)
    )
    clients = (replace(run.clients[0], exit_code=137, **left), run.clients[1])
    return judge(replace(run, clients=clients, cgroups={"client-publisher": looks}), ASKED)


def test_a_client_without_cpu_to_join_with_is_its_hosts() -> None:
    """Whatever it was killed with; asking the server which address it has is no media to a wrong one."""
    for packets in ((), (*SIGNALLED, STUN_SERVER)):
        run = starved(0.97, silent(packets, packets, packets))
        (cause,) = run.flows[0].causes
        assert (run.outcome, run.owner) == (Outcome.FAIL, Owner.CLIENT_HOST)
        assert (cause.reason, cause.hop) == ("host-throttled", "connect")
        assert cause.note == "publisher never joined: its quota withheld CPU for 97 % of the time"
    several = starved(2.4, silent((), (), ())).flows[0].causes[0]
    assert several.note == "publisher never joined: its quota withheld 2.4 s of CPU in each second"


def test_a_client_that_was_short_of_cpu_for_moments_or_joined_is_not() -> None:
    """The packets tell first, then the kernel, then itself."""
    nothing, joined = silent((), (), ()), recording(Plan()).clients[0].pairs
    assert starved(0.5, nothing).owner == Owner.CLIENT
    assert starved(0.97, nothing, pairs=joined).owner == Owner.CLIENT
    edge, inner, core, *_ = CASES["udp blocked up"]
    assert starved(0.97, silent(edge, inner, core)).owner == Owner.CONNECT


def test_nothing_seen_and_nothing_told_is_unknown() -> None:
    """No packets, no errors: UNKNOWN, not a guess."""
    run = judge(silent((), (), ()), ASKED)
    assert (run.outcome, run.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)


GAVE_UP_S = 20.0
GAVE_UP = Event(t_ns=GO_NS + int(GAVE_UP_S * 1000) * MS, name="error", detail={"text": "not connected within 20 s"})


def tries(one: Packets, *at_s: float) -> Packets:
    """Return the packet `one` at each of these times."""
    found = np.repeat(one, len(at_s))
    found["t_ns"] = [GO_NS + int(second * 1000) * MS for second in at_s]
    return found


def gave_up(asked: Packets, passed: Packets, answered: Packets, delivered: Packets, **left: object) -> RunVerdict:
    """Judge a run whose publisher gave up after 20 s: what it and the server sent into its link, and what came out."""
    server = np.concatenate([passed, answered])
    run = silent((asked, delivered), (server,), (server,))
    client = replace(run.clients[0], **{"events": (GAVE_UP,), "exit_code": 3, **left})
    return judge(replace(run, clients=(client, run.clients[1])), ASKED)


def test_a_link_that_lost_most_of_joining_is_why_there_was_none() -> None:
    """What was tried came through now and then, never soon enough: the network, with the counts, and not the client."""
    asked, answered = tries(SIGNAL, *range(19)), tries(SIGNAL_BACK, 6, 7, 8, 16)
    run = gave_up(asked, tries(SIGNAL, 6, 16), answered, tries(SIGNAL_BACK, 16))
    flow = run.flows[0]
    assert (run.outcome, run.owner) == (Outcome.FAIL, Owner.CONNECT)
    assert "publisher never joined: for 17.0 s what was sent did not come through its link" in flow.reasons[0]
    assert "17 of 19 signalling packets up, 3 of 4 signalling packets down" in flow.reasons[0]
    assert (flow.hops[0].packets_in, flow.hops[0].packets_dropped, flow.causes) == (23, 20, ())


def test_answers_that_were_lost_count_like_what_was_asked() -> None:
    """Nothing was lost on the way up, and the way down let one through."""
    asked, answered = tries(SIGNAL, *range(19)), tries(SIGNAL_BACK, *range(19))
    run = gave_up(asked, asked, answered, tries(SIGNAL_BACK, 2))
    assert run.owner == Owner.CONNECT
    assert "18 of 19 signalling packets down" in run.reasons[0]


def test_what_was_lost_and_soon_sent_again_excuses_no_client() -> None:
    """One SYN is lost and repeated after 1 s; then the client sits still for the other 19 s, and says that itself."""
    asked, answered = tries(SIGNAL, 0, 1, 1.01), tries(SIGNAL_BACK, 1)
    run = gave_up(asked, tries(SIGNAL, 1, 1.01), answered, answered)
    assert (run.outcome, run.owner) == (Outcome.FAIL, Owner.CLIENT)
    assert "not connected within 20 s" in run.reasons[0]


def test_between_the_link_and_the_client_it_is_left_open() -> None:
    """7 s were lost: the other 13 s would have been enough for most, and need not have been."""
    asked, answered = tries(SIGNAL, *range(8)), tries(SIGNAL_BACK, 7)
    run = gave_up(asked, tries(SIGNAL, 7), answered, answered)
    assert (run.outcome, run.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)
    assert "for 7.0 s what was sent did not come through its link" in run.reasons[0]


def test_what_is_lost_on_two_ways_at_once_is_one_time() -> None:
    """And connections side by side are looked at each by itself: one that passes does not hide one that does not."""
    other = SIGNAL.copy()
    other["sport"] = 1
    asked = np.concatenate([tries(SIGNAL, *range(8)), tries(other, *range(8))])
    answered = tries(SIGNAL_BACK, *range(8))
    run = gave_up(asked, tries(SIGNAL, 7), answered, tries(SIGNAL_BACK, 7))
    assert "for 7.0 s" in run.reasons[0]
    run = gave_up(asked, tries(other, *range(8)), answered, answered)
    assert (run.owner, "for 7.0 s" in run.reasons[0]) == (Owner.UNDECIDED, True)


@pytest.mark.parametrize("which", ["after it gave up", "of one who joined", "to a STUN server"])
def test_what_nobody_waited_for_excuses_no_client(which: str) -> None:
    """Its kernel closing the connection, a keepalive, and the question which address it has."""
    one = STUN_SERVER if which == "to a STUN server" else SIGNAL
    after = GAVE_UP_S if which == "after it gave up" else 0.0
    asked, answered = tries(SIGNAL, 0.1), tries(SIGNAL_BACK, 0.1)
    lost = np.concatenate([asked, tries(one, *(after + 0.2 + second for second in range(19)))])
    left = {"pairs": recording(Plan()).clients[0].pairs} if which == "of one who joined" else {}
    passed = np.concatenate([asked, lost[-1:]])
    assert gave_up(lost, passed, answered, answered, **left).owner == Owner.CLIENT


def test_a_link_that_is_too_slow_to_join_through_is_why() -> None:
    """Nothing is lost on it; all comes through when it has long been sent again."""
    asked = np.concatenate([tries(SIGNAL, *(first + step for step in range(5))) for first in range(0, 20, 5)])
    asked["sport"] = np.repeat(np.arange(4), 5)
    passed = asked[asked["t_ns"] < GO_NS + 14_000 * MS]
    passed["t_ns"] += 6_000 * MS
    answered = tries(SIGNAL_BACK, 6)
    run = gave_up(asked, passed, answered, answered)
    assert run.owner == Owner.CONNECT


def segments(*sent: tuple[float, int, int]) -> Packets:
    """Return segments of one TCP connection of the publisher: when each was sent (s), its first byte, and how many."""
    found = tries(SIGNAL, *(at_s for at_s, _, _ in sent))
    found["tcp_seq"], found["tcp_bytes"] = [seq for _, seq, _ in sent], [size for _, _, size in sent]
    return found


def test_what_nobody_sends_again_was_waited_for_by_nobody() -> None:
    """An acknowledgement is lost on a connection that is idle then; 15 s later another, or a byte, has its number."""
    answered = tries(SIGNAL_BACK, 0.1, 0.3)
    for size in (0, 40):
        asked = segments((0, 100, 0), (0.2, 101, 50), (0.4, 151, 0), (15.4, 151, size))
        run = gave_up(asked, asked[[0, 1, 3]], answered, answered)
        assert (run.owner, "not connected within 20 s" in run.reasons[0]) == (Owner.CLIENT, True)


def test_what_is_sent_again_was_waited_for_meanwhile() -> None:
    """Bytes are repeated, twice as late each time, with acknowledgements between that nobody waits for."""
    answered = tries(SIGNAL_BACK, 0.1, 0.3)
    again = [(at_s, 101, 50) for at_s in (0.2, 0.9, 2.3, 5.1, 10.7)]
    asked = segments((0, 100, 0), *again, (1.1, 151, 0), (15.4, 151, 20))
    run = gave_up(asked, asked[[0, -1]], answered, answered)
    assert (run.owner, "for 10.5 s what was sent did not come" in run.reasons[0]) == (Owner.CONNECT, True)


@pytest.mark.parametrize(
    ("at_s", "owner"),
    [
        ((0.5, 15.5), Owner.CLIENT),
        ((0.5, 5.5, 17.5), Owner.CLIENT),
        ((0.5, 1, 2, 4, 8, 16), Owner.CONNECT),
        ((0.5, 0.51, 1.5, 1.51, 3.5, 3.51, 7.5, 7.51, 15.5, 15.51), Owner.CONNECT),
    ],
)
def test_a_datagram_is_sent_again_soon_or_nobody_waits_for_it(at_s: tuple[float, ...], owner: Owner) -> None:
    """Who waits for an answer, to one or to two at once, waits about twice as long each time; no pause tells how long.

    15 s behind a lone one are its client's own, and so are 12 s behind one that came 5 s behind another.
    """
    asked = np.concatenate([tries(SIGNAL, 0.1), tries(ASK, *at_s)])
    answered = np.concatenate([tries(SIGNAL_BACK, 0.1), tries(ANSWER, 19)])
    assert gave_up(asked, asked[[0, -1]], answered, answered).owner == owner
