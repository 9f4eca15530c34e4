"""Why a link lost or delayed audio: the cause of each drop, run lengths, rates on the wire, arrival times.

Law: a frame is explained by the packet that died here with it: its own, else the one with its copy. Random drops came
one by one or in bursts, whichever makes the run lengths at the taps likelier by a factor of three; a full queue was the
call's own when the call alone sent more than the link carries. What neither shows is undecided, naming both.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.pieces import Piece, Story, Told, everything, undecided
from lab.analysis.network.causes import Names, crossing, named
from lab.analysis.network.links import Account, Way
from lab.analysis.way.journey import At
from lab.analysis.way.pauses import SIGNAL_NS
from lab.analysis.way.prediction import fec_times, replay, successors
from lab.analysis.way.signalling import ways
from lab.analysis.wire.scene import Seat
from lab.analysis.wire.streams import Flags, Ints
from lab.evidence.values import Packets
from lab.pcm import FRAME_MS

_ENDS = {"uplink": (At.SENT, At.UPLINKED), "downlink": (At.ROUTED, At.RECEIVED)}
_LIKELIER = math.log(3)
_BURST_RUNS = 1.5
"""Bursts are runs at least this many times as long as independent drops would make."""
_OTHERS_MATTER = 0.03
_REPAIRED = 0.5
_SIDE_NS = 500_000_000
_MS = 1_000_000


def told(story: Story, piece: Piece) -> list[Told]:
    """Return the reasons of a piece of a link's damage."""
    seat, way = _link(story.flow, piece.hop)
    account = story.case.link(seat.name, way)
    if account is None:
        return undecided(piece, f"the {piece.hop} has no counters of its own")
    if piece.kind == "late":
        return _late(story, piece, seat, account)
    if piece.fate == "unsignalled":
        return _unsignalled(story, piece, seat, account)
    causes = _causes(story, piece, account)
    return [_of(story, piece, seat, account, name, causes) for name in np.unique(causes)]


def _link(flow: Flow, hop: str) -> tuple[Seat, Way]:
    return (flow.publisher, "up") if hop == "uplink" else (flow.subscriber, "down")


def _causes(story: Story, piece: Piece, account: Account) -> Names:
    """Return per row of the piece why the packet died that took it along."""
    flow, (start, end) = story.flow, _ENDS[piece.hop]
    gone = flow.journey.seen(start) & ~flow.journey.seen(end) & (flow.journey.number >= 0)
    altered = gone & (flow.journey.altered_up if piece.hop == "uplink" else flow.journey.altered_down)
    names = np.full(flow.journey.size, "", "<U8")
    names[gone & ~altered] = named(story.case.scene, account, flow.journey.t_ns[gone & ~altered, start])
    names[altered | (gone & (names == "") & (account.configured.corrupt > 0))] = "corrupt"
    return names[_victims(flow, start, flow.made.slot[piece.rows])]


def _victims(flow: Flow, start: At, slots: Ints) -> Ints:
    """Return for each of `slots` the slot of the packet that died behind `start`: its own, else that of a copy."""
    following = successors(flow.journey)
    ways = np.stack([slots, following[slots], following[following[slots]]])
    died = flow.prediction.copies[: len(ways), slots] == start
    return np.asarray(ways[died.argmax(axis=0), np.arange(slots.size)], dtype=np.int64)


def _of(story: Story, piece: Piece, seat: Seat, account: Account, name: str, causes: Names) -> Told:
    chosen = np.asarray(causes == name, dtype=np.bool_)
    flow, start = story.flow, _ENDS[piece.hop][0]
    when = flow.journey.t_ns[_victims(flow, start, flow.made.slot[piece.rows[chosen]]), start]
    count = piece.frames_of(chosen)
    if name == "random":
        reason, note = _random(story, piece.hop, account, flow.made.slot[piece.rows[chosen]])
    elif name == "queue":
        reason, note = _queue(story, seat, account, when)
    elif name in ("outage", "blocked"):
        passing = "nothing passed" if name == "outage" else "other packets passed"
        seconds = (when.max() - when.min()) / 1e9 + FRAME_MS / 1000
        reason, note = name, f"{count} within {seconds:.1f} s in which {passing}"
    elif name == "corrupt":
        reason, note = "corrupt", f"{count} in packets that came out altered, or as nobody's"
    else:
        reason, note = "undecided", f"{count} for which no counter of the link moved"
    return Told(reason=reason, chosen=chosen, note=note)


def _random(story: Story, hop: str, account: Account, slots: Ints) -> tuple[str, str]:
    drops, runs, gain = _run_lengths(story, hop, account)
    spoken = f"{drops} packets in runs of {drops / max(1, runs):.1f}"
    if share := _would_be_repaired(story.flow, slots):
        return "red-off", f"{spoken}; no RED, which would have repaired {100 * share:.0f} % of the frames"
    if gain > _LIKELIER:
        return "burst-loss", spoken
    if gain < -_LIKELIER:
        return "random-loss", spoken
    return "undecided", f"{spoken}: too few to tell random-loss from burst-loss"


def _run_lengths(story: Story, hop: str, account: Account) -> tuple[int, int, float]:
    """Return how many packets of the flow were dropped at random, in how many runs, and what speaks for bursts.

    That is the logarithm of the likelihoods' ratio, summed over the times between two readings of the counters.
    """
    flow, (start, end) = story.flow, _ENDS[hop]
    inside = flow.slots & flow.journey.seen(start)
    t_ns, lost = flow.journey.t_ns[inside, start], ~flow.journey.seen(end)[inside]
    names = np.full(t_ns.size, "", "<U8")
    names[lost] = named(story.case.scene, account, t_ns[lost])
    hit = names == "random"
    gain = 0.0
    for span in account.spans:
        mine = hit[(t_ns > span.from_ns) & (t_ns <= span.to_ns)]
        gain += _speaks_for_bursts(mine) if 0 < mine.sum() < mine.size else 0.0
    return int(hit.sum()), int((np.diff(hit.astype(np.int8), prepend=0) == 1).sum()), gain


def _speaks_for_bursts(lost: Flags) -> float:
    share = float(lost.mean())
    after = lost[1:][lost[:-1]]
    again, not_again = int(after.sum()), int((~after).sum())
    follows = 1 - (1 - share) / _BURST_RUNS
    return again * math.log(follows / share) + not_again * math.log((1 - follows) / (1 - share))


def _would_be_repaired(flow: Flow, slots: Ints) -> float:
    """Return which share of `slots` RED would have repaired, had there been any; 0 with RED, or below a half."""
    if not slots.size or flow.journey.red[flow.slots].mean() > _REPAIRED:
        return 0.0
    with_red = replace(flow.journey, red=np.ones(flow.journey.size, np.bool_))
    share = float(replay(with_red, fec_times(flow.journey, flow.inbound)).decodable[slots].mean())
    return share if share >= _REPAIRED else 0.0


def _queue(story: Story, seat: Seat, account: Account, when: Ints) -> tuple[str, str]:
    """Tell the call's own rate from others' by what entered the link around the times `when`.

    A queue may fill in a burst, which a mean does not show: what came when it was fullest is told beside it.
    """
    packets = crossing(story.case.scene, account)
    from_ns, to_ns = int(when.min()) - _SIDE_NS, int(when.max()) + _SIDE_NS
    packets = packets[(packets["t_ns"] >= from_ns) & (packets["t_ns"] <= to_ns)]
    mine = packets["src" if account.way == "up" else "dst"] == seat.ip
    own, others = (packets["length"][who].sum() / (to_ns - from_ns) * 1e9 for who in (mine, ~mine))
    rate = account.configured.rate_bytes
    own_kbit, others_kbit, rate_kbit = (f"{bytes_per_s * 8 / 1000:.0f}" for bytes_per_s in (own, others, rate))
    spoken = (
        f"the call sent {own_kbit} kbit/s and others {others_kbit} in the mean"
        f"{_fullest(packets, account.configured.queue_ms)}, the link carries {rate_kbit}"
    )
    if own > rate:
        return "own-rate", spoken
    if others > _OTHERS_MATTER * rate:
        return "queue-full", spoken
    return "undecided", f"{spoken}: queue-full or own-rate"


def _fullest(packets: Packets, queue_ms: float) -> str:
    """Return at which rate `packets` entered when most of them did, for as long as a full queue takes to leave.

    Where the queue dropped one of them that is never less than the link carries: before it, the link was either busy
    for all of that time, or began with an empty queue.
    """
    if not queue_ms or not packets.size:
        return ""
    ends, sizes = packets["t_ns"], np.concatenate([[0], np.cumsum(packets["length"], dtype=np.int64)])
    most = (sizes[1:] - sizes[np.searchsorted(ends, ends - queue_ms * _MS)]).max()
    return f", {most * 8 / queue_ms:.0f} together in the fullest {queue_ms:.0f} ms"


def _unsignalled(story: Story, piece: Piece, seat: Seat, account: Account) -> list[Told]:
    """Explain audio whose listener was not told of it by what became of the signalling that the link dropped."""
    when = story.flow.journey.when()[story.flow.made.slot[piece.rows]]
    gone = np.concatenate([np.zeros(0, np.int64), *(way.dropped_ns() for way in ways(story.case.scene, seat))])
    gone = gone[(gone >= when.min() - SIGNAL_NS) & (gone <= when.max())]
    names = named(story.case.scene, account, gone)
    main = max(sorted(set(names.tolist())), key=lambda name: int((names == name).sum()), default="")
    words = f"{piece.frames} came, and of what would have told its program the link dropped {gone.size} segments"
    if main == "queue":
        reason, note = _queue(story, seat, account, gone)
    elif main == "random":
        reason, note = _random(story, piece.hop, account, np.zeros(0, np.int64))
    else:
        reason, note = (
            main or "undecided",
            "for which no counter of the link moved" if not main else "while none passed",
        )
    return everything(piece, reason, f"{words}: {note}")


def _late(story: Story, piece: Piece, seat: Seat, account: Account) -> list[Told]:
    """Explain late packets: by the queue where it holds more than the jitter, by a delay that grew, else by jitter."""
    flow, (start, end) = story.flow, _ENDS[piece.hop]
    slots = flow.made.slot[piece.rows]
    held = account.configured
    if held.queue_ms > held.jitter_ms:
        reason, note = _queue(story, seat, account, flow.journey.when()[slots])
        return everything(piece, reason, note)
    times = flow.journey.t_ns[slots]
    known = (times[:, start] >= 0) & (times[:, end] >= 0)
    took = (times[known, end] - times[known, start]) / _MS
    spread = f"took {took.min():.0f} to {took.max():.0f} ms" if took.size else "came late"
    reason = "latency" if not held.jitter_ms and held.delay_ms > held.usual_ms else "jitter"
    return everything(piece, reason, f"{piece.frames} were waited for, whose packets {spread}")
