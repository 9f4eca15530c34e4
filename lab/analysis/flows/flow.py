"""One flow, followed from what was pushed to what arrived: every piece that the ledger is made of.

Law: SSRCs are paired through the clients' own statistics, and each one is an epoch of the track. A piece that is
missing is an EvidenceError that names it and says what it would have decided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.ear.content import content_of
from lab.analysis.ear.delivered import counted
from lab.analysis.ear.listen import Ear, listen
from lab.analysis.ear.made_up import MadeUp, made_up
from lab.analysis.network.configured import Configured
from lab.analysis.network.links import Account
from lab.analysis.way import journey as travel
from lab.analysis.way.delay import Delays, Listening, delays
from lab.analysis.way.journey import At, Journey
from lab.analysis.way.late import Lateness, lateness
from lab.analysis.way.naming import Naming
from lab.analysis.way.pauses import Pauses, Spell, pauses
from lab.analysis.way.prediction import MOST_COPIES, Prediction, fec_times, replay
from lab.analysis.way.signalling import Untold, untold, ways
from lab.analysis.way.windows import Blocks, Window, between, blocks, carried_by, slots_of, window
from lab.analysis.wire.forwarding import paired
from lab.analysis.wire.scene import Scene, Seat
from lab.analysis.wire.streams import Flags, rtp_of
from lab.analysis.wire.transport import Move, followable, moved
from lab.errors import EvidenceError
from lab.evidence.values import ClientEvidence, InboundSample, Packets, Read
from lab.pcm import FRAME_MS

_NO_LINK = Configured(delay_ms=0.0, longest_ms=0.0, rate_bytes=math.inf, duplicates=False)
_TAIL_NS = 500_000_000


@dataclass(frozen=True, kw_only=True)
class Times:
    """When the clean control was, when the change was confirmed, how many frames of media to measure.

    `dtx`: the encoder was told that it may leave silence out.
    """

    control_from_ns: int | None
    control_to_ns: int | None
    media_from_ns: int
    media_frames: int
    dtx: bool = False

    @property
    def control(self) -> tuple[int, int] | None:
        """From when to when the clean control was, None when there was none."""
        if self.control_from_ns is None or self.control_to_ns is None:
            return None
        return self.control_from_ns, self.control_to_ns


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One published track as one subscriber hears it, followed. `slots` marks what was on the wire in the window.

    `quiet` marks the slots that a mute silenced, `left_out` those that DTX left out, `idle` those that the server did
    not forward because of a mute, or because nobody was subscribed; `untold` those of which the listener's program had
    not been told. `made_up` is the sound that the jitter buffer made up, and lost nothing for it. `move` is the one to
    TCP, with which the window ends at the latest.
    """

    publisher: Seat
    subscriber: Seat
    journey: Journey
    made: Blocks
    naming: Naming
    window: Window
    transition_frames: int
    slots: Flags
    prediction: Prediction
    lateness: Lateness
    inbound: tuple[InboundSample, ...]
    delays: Delays
    pauses: Pauses
    quiet: Flags
    left_out: Flags
    idle: Flags
    untold: Untold
    made_up: MadeUp
    move: Move | None = None
    ear: Ear | None = None
    reads: tuple[Read, ...] = ()

    @property
    def concealed_share(self) -> float | None:
        """How much of what was played NetEQ made up (0..1); None where its statistics tell of nothing played."""
        played, concealed = (
            counted(self.inbound, name)[-1:].sum() for name in ("total_samples_received", "concealed_samples")
        )
        return float(concealed / played) if played else None

    @property
    def named_share(self) -> float | None:
        """How much of the window's pushed audio is named beyond doubt (0..1); None when nothing was pushed."""
        pushed = self.made.inside(self.window) & self.made.pushed
        return float(self.made.sure[pushed].mean()) if pushed.any() else None


def follow(scene: Scene, publisher: Seat, subscriber: Seat, times: Times, links: Sequence[Account]) -> Flow:
    """Follow the audio of `publisher` to `subscriber`. Raises EvidenceError naming what is missing."""
    if move := moved(scene, publisher, subscriber, times.media_from_ns):
        scene = followable(scene, subscriber, move)
    source, listener = _left(scene, publisher), _left(scene, subscriber)
    inbound = tuple(sample for sample in listener.inbound if sample.publisher == publisher.name)
    journey = _journey(scene, publisher, subscriber, source, inbound)
    if not source.frames:
        raise EvidenceError(f"frames of {publisher.name} are missing", fix="they tell push from send")
    apart = pauses(source, listener)
    quiet = apart.quiet(journey)
    made, naming = blocks(source.frames, journey, quiet)
    media = _media(made, journey, times, move)
    slots = slots_of(made, media, journey.size)
    prediction = replay(journey, fec_times(journey, inbound))
    audio = next((one for one in listener.heard if one.publisher == publisher.name), None)
    content, reads = content_of(source), audio.reads if audio else ()
    ear = listen(audio, content, journey, (made, naming), prediction) if audio and content else None
    played = Listening(inbound=inbound, heard_ns=ear.heard_ns if ear else None)
    left_out = journey.left_out & times.dtx
    held_there = prediction.reached == At.SERVER_IN
    idle = held_there & (apart.unanswered(journey) | apart.apart(journey))
    unheard_of = untold(journey, apart, _held_up(scene, subscriber, links) if apart.unsubscribed else ())
    missed = ~prediction.decodable & ~left_out & ~idle & ~unheard_of.any
    control = slots_of(made, between(made, *(times.control or (0, 0))), journey.size)
    holes = _made_up(ear, journey, missed[np.maximum(made.slot, 0)] & (made.slot >= 0), inbound, reads)
    beside_holes = _during(holes.without(inbound), journey, slots)
    return Flow(
        publisher=publisher,
        subscriber=subscriber,
        journey=journey,
        made=made,
        naming=naming,
        window=media,
        transition_frames=_transition(made, times, media),
        slots=slots,
        prediction=prediction,
        lateness=lateness(
            journey, missed, beside_holes, control, _configured(links, publisher, subscriber), by_ear=ear is not None
        ),
        inbound=_during(inbound, journey, slots),
        delays=delays(journey, made, prediction, played, control),
        pauses=apart,
        quiet=quiet,
        left_out=left_out,
        idle=idle,
        untold=unheard_of,
        made_up=holes,
        move=move,
        ear=ear,
        reads=reads,
    )


def _left(scene: Scene, seat: Seat) -> ClientEvidence:
    found = scene.evidence(seat.name)
    if found is None:
        raise EvidenceError(f"evidence of client {seat.name} is missing", fix="it tells which packets are whose")
    return found


def _journey(
    scene: Scene, publisher: Seat, subscriber: Seat, source: ClientEvidence, inbound: Sequence[InboundSample]
) -> Journey:
    """Chain the epochs of the track in the order of their first packets."""
    if missing := scene.missing_taps():
        raise EvidenceError(f"{missing[0]} is missing", fix="it tells the hops beside it apart")
    packets = rtp_of(scene.outer(publisher), src=publisher.ip)
    wanted = {sample.ssrc for sample in source.outbound}
    sent = [int(ssrc) for ssrc in dict.fromkeys(packets["ssrc"].tolist()) if ssrc in wanted]
    if not sent:
        raise EvidenceError(f"no RTP of {publisher.name}'s statistics is in its capture", fix="they name the stream")
    heard = list(dict.fromkeys(sample.ssrc for sample in inbound))
    if not heard:
        raise EvidenceError(f"{subscriber.name} has no statistics of {publisher.name}", fix="they name the stream")
    into = {ssrc: rtp_of(scene.core, src=publisher.ip, ssrc=ssrc) for ssrc in sent}
    out = {ssrc: rtp_of(scene.core, dst=subscriber.ip, ssrc=ssrc) for ssrc in heard}
    if not any(packets.size for packets in out.values()) and any(sample.packets_received for sample in inbound):
        words = f"{subscriber.name}'s statistics are of streams that no capture holds"
        raise EvidenceError(words, fix="they name the stream; they are not this run's")
    became = paired(into, out, _unnamed(scene, subscriber))
    return travel.chained([travel.epoch(scene, publisher, subscriber, ssrc, became[ssrc]) for ssrc in sent])


def _unnamed(scene: Scene, subscriber: Seat) -> dict[int, Packets]:
    """Return the streams that the server sent to `subscriber`, and that its program never heard of."""
    named = {sample.ssrc for sample in _left(scene, subscriber).inbound}
    packets = rtp_of(scene.core, dst=subscriber.ip)
    found = (int(ssrc) for ssrc in dict.fromkeys(packets["ssrc"].tolist()))
    return {ssrc: packets[packets["ssrc"] == ssrc] for ssrc in found if ssrc not in named}


def _media(made: Blocks, journey: Journey, times: Times, move: Move | None) -> Window:
    """Return the window of the media, as far as it is followed."""
    media = window(made, times.media_from_ns, times.media_frames)
    return media if move is None else carried_by(made, media, journey.followed(move.udp_ns) - MOST_COPIES)


def _made_up(
    ear: Ear | None, journey: Journey, absent: Flags, inbound: Sequence[InboundSample], reads: Sequence[Read]
) -> MadeUp:
    if ear is None:
        none = np.zeros(absent.size, np.int64)
        return MadeUp(count=none, untold=none > 0, besides=counted(inbound, "concealed_samples"))
    return made_up(ear, journey.epoch, absent, inbound, reads)


def _transition(made: Blocks, times: Times, media: Window) -> int:
    if times.control_to_ns is None:
        return 0
    return max(0, media.first - window(made, times.control_to_ns, 0).first)


def _during(inbound: Sequence[InboundSample], journey: Journey, slots: Flags) -> tuple[InboundSample, ...]:
    """Return the samples from just before the window's first packet arrived until its last was played."""
    if not slots.any():
        return ()
    arrived = journey.t_ns[slots, At.RECEIVED]
    sent = journey.when()[slots]
    first = int(arrived[arrived >= 0].min()) if (arrived >= 0).any() else int(sent.min())
    last = max(int(arrived.max()), int(sent.max()) + FRAME_MS * 1_000_000) + _TAIL_NS
    opening = [sample for sample in inbound if sample.t_ns < first][-1:]
    return (*opening, *(sample for sample in inbound if first <= sample.t_ns <= last))


def _held_up(scene: Scene, subscriber: Seat, links: Sequence[Account]) -> tuple[Spell, ...]:
    """Return when the link held up what the server told `subscriber`."""
    longest_ms = _held(links, subscriber.name, "down").longest_ms
    return tuple(spell for way in ways(scene, subscriber) for spell in way.held_up(longest_ms))


def _configured(links: Sequence[Account], publisher: Seat, subscriber: Seat) -> tuple[Configured, Configured]:
    return _held(links, publisher.name, "up"), _held(links, subscriber.name, "down")


def _held(links: Sequence[Account], client: str, way: str) -> Configured:
    return next((link.configured for link in links if (link.client, link.way) == (client, way)), _NO_LINK)
