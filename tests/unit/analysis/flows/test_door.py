"""The server's own account against the tap at its door: who lost what, and when neither is to be believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.analysis.containers.hosts import Host
from lab.analysis.flows.case import Asked, case_of
from lab.analysis.flows.door import Door, door
from lab.analysis.flows.flow import follow
from lab.analysis.judge import judge
from lab.analysis.values import Outcome, Owner
from lab.evidence.accounts import NetworkSecond, ServerTrack
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import DOWN_SSRC, UP_SSRC, Plan, recording

FIRST, PACKETS = 65_400, 375
UP, DOWN = "upstream", "downstream"


def track(direction: str, seen: int, *, first: int = FIRST, marked: int = 0, dropped: int | None = 0) -> ServerTrack:
    """Return an account from `first` to the run's last packet."""
    up = direction == "upstream"
    last = FIRST + PACKETS - 1
    return ServerTrack(
        t_ns=0,
        participant="publisher" if up else "subscriber",
        track="TR_a",
        direction="upstream" if up else "downstream",
        ssrc=UP_SSRC if up else DOWN_SSRC,
        first_seq=first,
        last_seq=last,
        packets_expected=last - first + 1,
        packets_seen=seen,
        packets_lost=last - first + 1 - seen,
        packets_duplicate=0,
        packets_padding=0,
        packets_marked=marked,
        packets_dropped=dropped,
    )


def kernel(**grown: int) -> Host:
    """Return the server's host with these counters at the end; 0 everywhere at the start."""
    zero = NetworkSecond(
        t_ns=0, ip_in_receives=0, ip_in_delivers=0, ip_in_discards=0, ip_in_errors=0, udp_in_datagrams=0,
        udp_in_errors=0, udp_rcvbuf_errors=0, udp_in_csum_errors=0, udp_no_ports=0, udp_out_datagrams=0,
        udp_sndbuf_errors=0, ip_out_requests=0, ip_out_transmits=0,
    )  # fmt: skip
    return Host(name="server", network=(zero, replace(zero, t_ns=1, **grown)))


def at_door(plan: Plan, up: ServerTrack, down: ServerTrack, host: Host | None = None) -> Door | None:
    """Return the account of the only flow of a made-up run in which the server said this."""
    made = recording(plan)
    case = case_of(made, Asked(media=Media(duration_ms=plan.media * 20), expect=()))
    publisher, subscriber = case.scene.pairs[0]
    flow = follow(case.scene, publisher, subscriber, case.times, case.links)
    return door(case.scene, flow, (up, down), host)


def told(plan: Plan, up: ServerTrack, down: ServerTrack, host: Host) -> Door:
    """Return the account where there is one."""
    found = at_door(plan, up, down, host)
    assert found is not None
    return found


def packets(plan: Plan) -> int:
    """Return how many packets the publisher of `plan` sent."""
    return int(recording(plan).taps[0].packets.size)


def test_a_clean_door_agrees_packet_for_packet() -> None:
    """In, read, written and out are the same, over a wrap of the sequence numbers."""
    sent = packets(Plan())
    found = told(Plan(), track(UP, sent), track(DOWN, sent, dropped=None), kernel())
    assert (found.entered, found.read, found.written, found.left) == (sent, sent, sent, sent)
    assert (found.lost_unread, found.lost_unsent, found.undecided) == (0, 0, "")


def test_only_what_the_account_speaks_of_is_compared() -> None:
    """A listener who came later, and silence of the server's own behind the end, are no difference."""
    sent = packets(Plan())
    late = track(DOWN, sent - 40 + 11, first=FIRST + 40, marked=11, dropped=None)
    found = told(Plan(), track(UP, sent), late, kernel())
    assert (found.written, found.left, found.undecided) == (sent - 40, sent - 40, "")


def test_what_was_written_while_the_server_hung_up_contradicts_nobody() -> None:
    """Three of its last words did not come out, and nobody counted them; three in the middle are another matter."""
    sent = packets(Plan())
    goodbye = replace(track(DOWN, sent + 3, dropped=None), last_seq=FIRST + PACKETS + 2)
    assert told(Plan(), track(UP, sent), goodbye, kernel()).undecided == ""
    plan = Plan(server_lost=range(100, 103))
    words = told(plan, track(UP, sent), track(DOWN, sent, dropped=None), kernel()).undecided
    assert words == "3 packets were written and did not come out, the kernel counted 0"


def test_what_the_kernel_dropped_unread_is_the_hosts() -> None:
    """Seven went in and not through; the kernel counted them, whatever it calls them."""
    plan = Plan(server_lost=range(100, 107))
    sent = packets(plan)
    for counters in ({"udp_rcvbuf_errors": 7}, {"ip_in_receives": 9}, {"udp_in_csum_errors": 7}):
        found = told(plan, track(UP, sent - 7), track(DOWN, sent - 7, dropped=None), kernel(**counters))
        assert (found.lost_unread, found.lost_unsent, found.undecided) == (7, 0, "")


def test_what_was_read_and_not_written_is_the_servers() -> None:
    """The server says so itself, and the kernel dropped nothing."""
    plan = Plan(server_lost=range(100, 107))
    sent = packets(plan)
    found = told(plan, track(UP, sent), track(DOWN, sent - 7, dropped=None), kernel())
    assert (found.lost_unread, found.lost_unsent, found.undecided) == (0, 0, "")


def test_what_the_server_refused_needs_no_kernel() -> None:
    """It read them and dropped them for their number."""
    plan = Plan(server_lost=range(100, 107))
    sent = packets(plan)
    found = told(plan, track(UP, sent - 7, dropped=7), track(DOWN, sent - 7, dropped=None), kernel())
    assert (found.lost_unread, found.refused, found.undecided) == (7, 7, "")


def test_an_altered_packet_never_came_in() -> None:
    """It cannot be decrypted; the link it came over is charged with it, not the door."""
    plan = Plan(up_altered=range(100, 103))
    sent = packets(plan)
    found = told(plan, track(UP, sent - 3), track(DOWN, sent - 3, dropped=None), kernel())
    assert (found.entered, found.lost_unread, found.undecided) == (sent - 3, 0, "")


@pytest.mark.parametrize(
    ("read", "written", "words"),
    [
        (1, 0, "read 376 packets, 375 went in"),
        (0, 1, "1 packets were written and did not come out, the kernel counted 0"),
        (0, -1, "wrote 367 packets, 368 came out"),
        (-7, 0, "7 packets went in unread, the kernel counted 2"),
    ],
)
def test_witnesses_that_contradict_each_other_decide_nothing(read: int, written: int, words: str) -> None:
    """More read than came, more or less written than came out, more missing than was counted."""
    plan = Plan(server_lost=range(100, 107))
    sent = packets(plan)
    up, down = track(UP, sent + read), track(DOWN, sent - 7 + written, dropped=None)
    assert words in told(plan, up, down, kernel(udp_rcvbuf_errors=2)).undecided


def test_a_door_that_only_one_looked_at_is_not_contradicted() -> None:
    """Without the kernel's counters a difference is known and not explained; without an account there is no door."""
    plan = Plan(server_lost=range(100, 107))
    sent = packets(plan)
    up, down = track(UP, sent - 7), track(DOWN, sent - 7, dropped=None)
    found = at_door(plan, up, down)
    assert found is not None
    assert (found.lost_unread, found.kernel_in, found.undecided) == (7, None, "")
    assert at_door(plan, replace(up, participant="somebody"), down) is None
    assert at_door(plan, up, replace(down, ssrc=1)) is None


def test_a_hop_of_the_server_whose_witnesses_disagree_is_not_blamed() -> None:
    """Ten packets die in there: the server has them when its account says so, nobody when it contradicts the tap."""
    plan = Plan(server_lost=range(100, 110))
    sent = packets(plan)
    asked = Asked(media=Media(duration_ms=plan.media * 20), expect=tuple(expectations(DEFAULT)))
    down = track(DOWN, sent - 10, dropped=None)
    for up, owner in ((track(UP, sent), Owner.SERVER), (track(UP, sent + 1), Owner.UNDECIDED)):
        made = replace(recording(plan), tracks=(up, down))
        run = judge(replace(made, networks={"server": kernel().network}), asked)
        row = next(row for row in run.flows[0].hops if row.name == "server")
        assert row.frames_lost
        assert (run.owner, row.owner, bool(row.undecided)) == (owner, owner, owner == Owner.UNDECIDED)
    assert run.outcome == Outcome.UNKNOWN
    assert any("server: the server says that it read" in reason for reason in run.reasons)
