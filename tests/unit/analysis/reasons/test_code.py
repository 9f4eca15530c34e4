"""Why code or its machine lost audio: pushes, event loop, SDK, cgroups and kernel counters, each in made-up runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.flows.case import Asked
from lab.analysis.judge import judge
from lab.analysis.values import Cause, Outcome, Owner
from lab.evidence.accounts import CgroupSecond, NetworkSecond
from lab.evidence.recording import Recording
from lab.evidence.values import Event, FrameLine, Tap
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import GO_NS, LEAD, MS, Plan, first_measured, recording
from tests.unit.analysis.hearing import Hearing, heard
from tests.unit.analysis.why import causes

FIRST = first_measured(Plan())
STALL = Plan(stalls={FIRST + 40: 400})
LOOKS = range(GO_NS - 1000 * MS, GO_NS + 9000 * MS, 250 * MS)


def told(cause: Cause) -> tuple[Owner, str, str]:
    """Return whose, where and why."""
    return cause.owner, cause.hop, cause.reason


def logged(plan: Plan, change: Callable[[FrameLine], FrameLine]) -> Recording:
    """Return the run of `plan` whose publisher's lines were changed."""
    run = recording(plan)
    source = replace(run.clients[0], frames=tuple(map(change, run.clients[0].frames)))
    return replace(run, clients=(source, *run.clients[1:]))


def lagging(frame: int, lag_ms: float) -> Callable[[FrameLine], FrameLine]:
    """Write that lag beside one frame."""
    return lambda line: replace(line, lag_ms=lag_ms) if line.frame == frame else line


@pytest.mark.parametrize(("lag_ms", "reason"), [(2.0, "script-slow"), (130.0, "undecided"), (390.0, "loop-blocked")])
@pytest.mark.parametrize("line", [-1, 0, 1])
def test_the_event_loop_tells_a_blocked_one_from_a_slow_script(lag_ms: float, reason: str, line: int) -> None:
    """A push 400 ms late while the loop lagged so much, said on its own line or on one beside it."""
    cause = causes(logged(STALL, lagging(FIRST + 40 + line, lag_ms)))[0]
    assert told(cause) == (Owner.CLIENT, "push", reason)
    assert cause.note.startswith("1 pushes late by up to 400 ms ")


def test_a_script_that_is_always_slow_is_slow() -> None:
    """Each of 60 frames takes 30 ms: pushes keep falling behind, the loop is free."""
    cause = causes(recording(Plan(stalls={FIRST + 40 + n: 70 for n in range(60)}, frames=320)))[0]
    assert told(cause) == (Owner.CLIENT, "push", "script-slow")


def test_a_lead_shorter_than_a_push_is_a_buffer_too_small() -> None:
    """Pushed on the dot, but with 5 ms ahead of the last one's end: now and then that is not enough."""

    def on_the_dot(line: FrameLine) -> FrameLine:
        pushed = line.scheduled_ns - 5 * MS
        return replace(line, available_ns=pushed, pushed_ns=pushed, returned_ns=pushed)

    run = logged(Plan(stalls={FIRST + 40: 75}), on_the_dot)
    cause = causes(run)[0]
    assert told(cause) == (Owner.CLIENT, "push", "buffer-too-small")
    assert "5 ms ahead, which is less than the 20 ms of one" in cause.note


def test_frames_that_were_refused_are_not_frames_that_were_dropped() -> None:
    """Of eight frames that never went out the SDK refused three, with an error of its own."""
    plan = Plan(skips=range(FIRST + 20, FIRST + 28))

    def refused(line: FrameLine) -> FrameLine:
        if not FIRST + 20 <= line.frame < FIRST + 23:
            return line
        return replace(line, pushed_ns=line.available_ns, error="RtcError: InvalidState")

    first, second = causes(logged(plan, refused))
    assert (told(first), first.share) == ((Owner.CLIENT, "push", "frames-dropped"), 5 / 200)
    assert first.note == "5 frames made and never pushed"
    assert (told(second), second.share) == ((Owner.CLIENT, "push", "push-refused"), 3 / 200)
    assert second.note == "3 pushes refused: RtcError: InvalidState"


@pytest.mark.parametrize(
    ("together", "reason", "words"),
    [
        (1, "backend-late", "1 pushes waited for audio that came up to 400 ms late"),
        (10, "backend-bursty", "1 bursts came up to 400 ms late"),
    ],
)
def test_audio_that_comes_in_groups_is_bursty(together: int, reason: str, words: str) -> None:
    """The frame that waited was available only when it was pushed; so were the next nine, or none of them."""
    at = FIRST + 40
    came_ns = next(line.pushed_ns for line in recording(STALL).clients[0].frames if line.frame == at)

    def came(line: FrameLine) -> FrameLine:
        return replace(line, available_ns=came_ns) if at <= line.frame < at + together else line

    cause = causes(logged(STALL, came))[0]
    assert (told(cause), cause.note) == ((Owner.BACKEND, "push", reason), words)


def test_a_backend_and_a_loop_that_held_up_one_push_have_each_their_own_part() -> None:
    """Its audio came 200 ms late, and then the loop was blocked for the 140 ms that are left of its silence."""
    late = next(line for line in recording(STALL).clients[0].frames if line.frame == FIRST + 40)

    def came(line: FrameLine) -> FrameLine:
        return replace(line, available_ns=late.scheduled_ns + 200 * MS, lag_ms=139.0) if line == late else line

    backend, own = causes(logged(STALL, came))
    assert (told(backend), backend.share) == ((Owner.BACKEND, "push", "backend-late"), 20 / 400)
    assert (told(own), own.share) == ((Owner.CLIENT, "push", "loop-blocked"), 14 / 400)
    assert own.note == "1 pushes late by up to 140 ms while the event loop lagged 139 ms"


def test_silence_and_content_that_only_the_sdk_knows_about() -> None:
    """Pushed and returned 400 ms before it came out: the SDK put silence there."""

    def in_time(line: FrameLine) -> FrameLine:
        pushed = line.available_ns if line.frame == FIRST + 40 else line.pushed_ns
        return replace(line, pushed_ns=pushed, returned_ns=pushed)

    assert told(causes(logged(STALL, in_time))[0]) == (Owner.SDK, "send", "sdk-silence")


def looks(held: Mapping[str, tuple[int, int]]) -> tuple[CgroupSecond, ...]:
    """Return looks at a container that uses a quarter of a CPU unless it is `paused`, `throttled` or `waiting`."""
    found, used, withheld = [], 0, 0
    for t_ns in LOOKS:
        inside = {name for name, (start, end) in held.items() if start < t_ns <= end}
        used += 0 if "paused" in inside else 60 * MS
        withheld += 150 * MS if "throttled" in inside else 0
        found.append(
            CgroupSecond(
                t_ns=t_ns,
                cpu_ns=used,
                throttled_ns=withheld,
                throttled_periods=withheld // MS,
                memory_bytes=1,
                waited_ns=200 * MS if "waiting" in inside else 3 * MS,
            )
        )
    return tuple(found)


STALLED_NS = GO_NS + (FIRST + 40) * 20 * MS - 60 * MS


def hosted(run: Recording, **held: tuple[int, int]) -> Recording:
    """Return `run` with looks at the publisher's cgroup."""
    return replace(run, cgroups={**run.cgroups, "client-publisher": looks(held)})


def mute(run: Recording, from_ns: int, to_ns: int) -> Recording:
    """Return `run` with all that was sent in that time sent right behind it: nothing left the publisher's container."""

    def held(tap: Tap) -> Tap:
        packets = tap.packets.copy()
        t_ns = packets["t_ns"]
        inside = (t_ns > from_ns) & (t_ns <= to_ns)
        packets["t_ns"] = np.where(inside, to_ns + (t_ns - from_ns) // 1000, t_ns)
        return replace(tap, packets=packets)

    return replace(run, taps=tuple(map(held, run.taps)))


def test_a_throttled_container_is_not_its_programs_fault() -> None:
    """The same late push while its quota withheld 60 % of the time: CODE/client-host, whatever the loop says."""
    run = hosted(logged(STALL, lagging(FIRST + 40, 390.0)), throttled=(STALLED_NS - 250 * MS, STALLED_NS + 750 * MS))
    cause = causes(run)[0]
    assert told(cause) == (Owner.CLIENT_HOST, "send", "host-throttled")
    assert cause.note == "its quota withheld CPU for up to 60 % of the time"


@pytest.mark.parametrize(
    ("at_ms", "parts"),
    [
        ((260, 250, 395), {"backend-late": 20, "host-paused": 14}),
        ((160, 165, 395), {"host-paused": 24, "backend-late": 10}),
        ((260, 5, 255), {"host-paused": 20, "loop-blocked": 14}),
    ],
)
def test_a_container_that_was_paused_has_its_own_part(at_ms: tuple[int, int, int], parts: dict[str, int]) -> None:
    """When audio came, and from when to when the container was paused: soon behind that, or until then."""
    came_ns, from_ns, to_ns = (STALLED_NS + ms * MS for ms in at_ms)
    late = logged(
        STALL, lambda line: replace(line, available_ns=came_ns, lag_ms=139.0) if line.frame == FIRST + 40 else line
    )
    found = causes(hosted(mute(late, from_ns, to_ns)))
    assert {cause.reason: round(400 * cause.share) for cause in found} == parts


def test_a_paused_container_sends_nothing_while_a_blocked_loop_goes_on_sending() -> None:
    """No packet left it while the loop lagged, and no quota was in the way: it stood still, all of it."""
    stalled = logged(STALL, lagging(FIRST + 40, 390.0))
    paused = hosted(mute(stalled, STALLED_NS, STALLED_NS + 395 * MS))
    assert told(causes(paused)[0]) == (Owner.CLIENT_HOST, "send", "host-paused")
    assert told(causes(hosted(stalled))[0]) == (Owner.CLIENT, "push", "loop-blocked")
    late = tuple(replace(tick, late_max_ms=300.0) for tick in paused.ticks)
    assert told(causes(replace(paused, ticks=late))[0]) == (Owner.CLIENT_HOST, "send", "host-busy"), "so did the pacer"


def test_a_machine_that_had_no_cpu_to_give_makes_the_run_void_and_blames_nobody() -> None:
    """The loop lagged, and one of its tasks stood 200 of 250 ms in the run queue: no quota, so it was the machine."""
    run = hosted(logged(STALL, lagging(FIRST + 40, 390.0)), waiting=(STALLED_NS - 250 * MS, STALLED_NS + 500 * MS))
    asked = Asked(media=Media(duration_ms=4000), expect=tuple(expectations(DEFAULT)))
    judged = judge(run, asked)
    assert (judged.outcome, judged.owner) == (Outcome.VOID, Owner.UNDECIDED)
    charged = "starved: 8.5 points are charged to code for moments in which it may have been this machine"
    assert judged.void == (f"{charged}: a task waited in the run queue",)
    elsewhere = hosted(logged(STALL, lagging(FIRST + 40, 390.0)), waiting=(GO_NS, GO_NS + 500 * MS))
    assert judge(elsewhere, asked).owner == Owner.CLIENT, "what waited long before is no excuse"


def test_a_holdup_that_nobody_looked_at_is_the_hosts_and_its_reason_open() -> None:
    """Nothing left the container, and there is no cgroup file: throttled or paused."""
    run = mute(logged(STALL, lagging(FIRST + 40, 390.0)), STALLED_NS, STALLED_NS + 395 * MS)
    cause = causes(run)[0]
    assert told(cause) == (Owner.CLIENT_HOST, "send", "undecided")
    assert cause.note.endswith("host-throttled, host-paused, host-busy, or the SDK itself")


def test_a_host_that_nobody_saw_held_back_is_not_blamed_unless_somebody_else_is() -> None:
    """8.5 points, perhaps its SDK's: UNKNOWN, and why; beside 15 points of the program's own: the program."""
    asked = Asked(media=Media(duration_ms=4000), expect=tuple(expectations(DEFAULT)))
    alone = judge(mute(logged(STALL, lagging(FIRST + 40, 390.0)), STALLED_NS, STALLED_NS + 395 * MS), asked)
    assert (alone.outcome, alone.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)
    assert alone.reasons[0].endswith("host-throttled, host-paused, host-busy, or the SDK itself")
    plan = replace(STALL, skips=range(FIRST + 100, FIRST + 130))
    beside = judge(mute(logged(plan, lagging(FIRST + 40, 390.0)), STALLED_NS, STALLED_NS + 395 * MS), asked)
    assert (beside.outcome, beside.owner) == (Outcome.FAIL, Owner.CLIENT)


def test_numbers_missing_at_the_first_tap_were_dropped_by_the_host() -> None:
    """The SDK numbered ten packets that never came out, and its container ran all the time."""
    run = hosted(recording(Plan(host_lost=[FIRST + 60 + 2 * i for i in range(3)])))
    assert causes(run) == ()
    cause = causes(hosted(recording(Plan(host_lost=range(FIRST + 60, FIRST + 63)))))[0]
    assert told(cause) == (Owner.CLIENT_HOST, "send", "host-dropped")
    assert cause.note == "2 frames whose numbers are missing at the first capture"


LOST = Plan(server_lost=range(FIRST + 50, FIRST + 70))


def network(**counted: int) -> tuple[NetworkSecond, ...]:
    """Return looks at the server's namespace: everything delivered, and `counted` dropped in the middle."""
    found = []
    for t_ns in LOOKS:
        packets = (t_ns - LOOKS[0]) // (10 * MS)
        late = t_ns > GO_NS + (FIRST + 60) * 20 * MS
        filtered = counted.get("filtered", 0) * late
        found.append(
            NetworkSecond(
                t_ns=t_ns,
                ip_in_receives=packets + filtered,
                ip_in_delivers=packets,
                ip_in_discards=0,
                ip_in_errors=0,
                udp_in_datagrams=packets + counted.get("others", 0) * (t_ns - LOOKS[0]) // (1000 * MS),
                udp_in_errors=0,
                udp_rcvbuf_errors=counted.get("full", 0) * late,
                udp_in_csum_errors=0,
                udp_no_ports=0,
                udp_out_datagrams=packets,
                udp_sndbuf_errors=0,
            )
        )
    return tuple(found)


@pytest.mark.parametrize(
    ("counted", "reason", "words"),
    [
        ({"full": 20}, "socket-buffer", "receive buffer dropped 20 packets; 20 of this flow"),
        ({"filtered": 25}, "packet-filter", "packet filter in its namespace dropped 25 packets"),
        ({"full": 3}, "not-forwarded", "19 frames went in and never out"),
        ({"full": 20, "filtered": 20}, "undecided", "packet-filter or socket-buffer"),
    ],
)
def test_what_the_servers_kernel_dropped_is_not_what_it_did_not_forward(
    counted: Mapping[str, int], reason: str, words: str
) -> None:
    """20 packets went in and not out; a counter of the namespace explains at least half of them, or none does."""
    run = replace(recording(LOST), networks={"server": network(**counted)})
    cause = causes(run)[0]
    assert told(cause) == (Owner.SERVER, "server", reason)
    assert words in cause.note


def test_a_namespace_nobody_looked_at_leaves_it_open() -> None:
    """Old recordings have no counters of the server's namespace: not forwarded, or dropped before it read."""
    assert told(causes(recording(LOST))[0]) == (Owner.SERVER, "server", "undecided")


HELD = {FIRST + 100 + i: 400.0 - 20 * i for i in range(20)}


@pytest.mark.parametrize(
    ("throttled", "others", "owner", "reason", "words"),
    [
        (True, 0, Owner.LOAD, "server-throttled", "it used 0.25 CPUs, its quota withheld 0.50"),
        (True, 1000, Owner.LOAD, "server-crowded", r"\d{4} packets of others beside 574; it used 0.25 CPUs, .*"),
        (False, 0, Owner.SERVER, "not-forwarded", "15 frames held back at its door"),
    ],
)
def test_a_server_that_held_audio_back(throttled: bool, others: int, owner: Owner, reason: str, words: str) -> None:
    """Short of CPU for two clients, for a crowd, or for no reason of its machine's."""
    run = recording(Plan(server_delay_ms=HELD, concealed_frames=15, throttled=throttled))
    used = tuple(replace(look, cpu_ns=i * 250 * MS) for i, look in enumerate(run.cgroups["server"]))
    run = replace(run, cgroups={"server": used}, networks={"server": network(others=others)})
    cause = causes(run)[0]
    assert told(cause) == (owner, "server", reason)
    assert re.fullmatch(words, cause.note)


def test_a_mute_cuts_what_was_still_on_its_way() -> None:
    """Pushed 60 ms ahead, muted meanwhile: what is silent on the wire had been pushed before."""
    run = recording(Plan())
    at_ns = GO_NS + (FIRST + 40) * 20 * MS + 2 * MS
    events = (
        Event(t_ns=at_ns - 30 * MS, name="muted", detail={}),
        Event(t_ns=at_ns + 500 * MS, name="unmuted", detail={}),
    )
    edge = next(tap for tap in run.taps if (tap.place, tap.client) == ("edge", "publisher"))
    packets = edge.packets.copy()
    packets["level"][LEAD + FIRST + 40 : LEAD + FIRST + 43] = 127
    taps = tuple(replace(tap, packets=packets) if tap is edge else tap for tap in run.taps)
    cause = causes(replace(run, taps=taps, clients=(replace(run.clients[0], events=events), *run.clients[1:])))[0]
    assert told(cause) == (Owner.CLIENT, "send", "muted")
    assert cause.note.endswith(", 1 x")


def test_what_went_by_before_the_subscription_is_subscribed_late() -> None:
    """The server forwarded nothing while the listener was not subscribed, by the listener's own events."""
    gap = range(FIRST + 50, FIRST + 90)
    run = recording(Plan(server_lost=gap))
    about = {"publisher": "publisher"}
    names = {gap[0]: "unsubscribed", gap[-1]: "subscribed"}
    begin = Event(t_ns=GO_NS - 500 * MS, name="subscribed", detail=about)
    events = (begin, *(Event(t_ns=GO_NS + at * 20 * MS, name=name, detail=about) for at, name in names.items()))
    cause = causes(replace(run, clients=(run.clients[0], replace(run.clients[1], events=events))))[0]
    assert told(cause) == (Owner.CLIENT, "server", "subscribed-late")


def test_what_was_sent_when_the_listener_had_left_is_an_end_that_was_cut() -> None:
    """It left at packet 50 of the window, and the server had nobody to forward to."""
    run = recording(Plan(server_lost=range(FIRST + 50, 360)))
    left = Event(t_ns=GO_NS + (FIRST + 50) * 20 * MS, name="disconnected", detail={})
    cause = causes(replace(run, clients=(run.clients[0], replace(run.clients[1], events=(left,)))))[0]
    assert told(cause) == (Owner.CLIENT, "server", "end-cut")


def test_an_end_that_was_cut_is_no_slow_reader() -> None:
    """Nothing is read behind packet 150 of the window, or 100 ms in the middle are delivered and never read."""
    cut = causes(heard(Plan(), Hearing(stops_at=FIRST + 150)))[0]
    assert told(cut) == (Owner.CLIENT, "read", "end-cut")
    slow = causes(heard(Plan(), Hearing(unread={FIRST + 50: 4_800})))[0]
    assert told(slow) == (Owner.CLIENT, "read", "reader-slow")


def test_what_one_program_lost_in_two_places_is_told_of_each_place() -> None:
    """Five frames never pushed, and the listener stopped 50 before the end: each frame is in one of the two."""
    cut, dropped = causes(heard(Plan(skips=range(FIRST + 20, FIRST + 25)), Hearing(stops_at=FIRST + 150)))
    assert (told(cut), cut.share) == ((Owner.CLIENT, "read", "end-cut"), 47 / 200)
    assert cut.note == "47 frames behind the last that the program read"
    assert (told(dropped), dropped.share) == ((Owner.CLIENT, "push", "frames-dropped"), 5 / 200)


def test_what_came_in_time_and_was_not_played_is_the_listeners_host() -> None:
    """NetEQ made up two frames that had arrived on time, and nobody looked at the listener's cgroup."""
    gone = (FIRST + 50, FIRST + 51)
    run = heard(Plan(), Hearing(repeated=gone, concealed=dict.fromkeys(gone, 960)))
    cause = causes(run)[0]
    assert told(cause) == (Owner.CLIENT_HOST, "playout", "undecided")
    assert "frames that arrived in time and were not played, while NetEQ made up sound: " in cause.note


def test_what_dtx_left_out_is_a_reason_and_no_damage() -> None:
    """Ten packets that the sender's clock went over without a number: nobody's, told last."""
    run = recording(Plan(up_lost=range(FIRST + 90, FIRST + 94)))

    def without(tap: Tap) -> Tap:
        """Leave the packets of ten slots out, and close the gap in the numbers."""
        slot = (tap.packets["ts"].astype(np.int64) - Plan().first_ts) % 2**32 // 960 - LEAD - FIRST
        packets = tap.packets[(slot < 50) | (slot >= 60)].copy()
        behind = slot[(slot < 50) | (slot >= 60)] >= 60
        packets["seq"] -= np.where(behind, 10, 0).astype(np.uint16)
        return replace(tap, packets=packets)

    asked = Asked(media=Media(duration_ms=4000, dtx=True), expect=tuple(expectations(DEFAULT)))
    flow = judge(replace(run, taps=tuple(map(without, run.taps))), asked).flows[0]
    assert [told(cause) for cause in flow.causes if cause.owner == Owner.NONE] == [(Owner.NONE, "send", "dtx")]
    assert (flow.causes[-1].share, sum(flow.damage.values())) == (10 / 200, sum(c.share for c in flow.causes[:-1]))
