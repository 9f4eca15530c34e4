"""The make-believe run's sound: what a decoder makes of the wire, what a jitter buffer does to it, and what is read.

The decoder is exact and delays by Opus' look-ahead; concealment repeats the packet before. Sample 0 is read at the
same time as the first packet is sent, so the buffer is the silence in front. It can leave out no more than it holds:
the ear looks for a sound only among what had arrived when it was read, and finds what was read before then nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lab.evidence.recording import Recording
from lab.evidence.values import HeardAudio, InboundSample, Read
from lab.marks import marked_frame
from lab.pcm import BLOCK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE
from tests.unit.analysis.build import GO_NS, LEAD, MS, Plan, lines, recording

Sound = NDArray[np.int16]
LOOKAHEAD = 312
BUFFER = 60 * SAMPLE_RATE // 1000
START_NS = GO_NS - LEAD * 20 * MS


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """What happens behind the wire. Ordinals of packets, numbers of frames, samples.

    `repeated` packets are replaced by the one before them, `silent` ones by silence; before packet n, `inserted`
    samples are repeated and `removed` ones left out; `unread` samples before it are delivered and not read.
    `made_up` samples before packet n are what concealment sounds like: the last 10 ms again and again, fading away.
    `concealed` is how much NetEQ says that it made up at a packet. Reading ends `stops_at` a packet.
    """

    repeated: Sequence[int] = ()
    silent: Sequence[int] = ()
    inserted: Mapping[int, int] = field(default_factory=dict)
    removed: Mapping[int, int] = field(default_factory=dict)
    unread: Mapping[int, int] = field(default_factory=dict)
    made_up: Mapping[int, int] = field(default_factory=dict)
    concealed: Mapping[int, int] = field(default_factory=dict)
    stops_at: int | None = None


def place(ordinal: int) -> int:
    """Return the sample at which packet `ordinal` begins in what is read, when nothing is stretched."""
    return BUFFER + (LEAD + ordinal) * FRAME_SAMPLES


def spoken(plan: Plan) -> Sound:
    """Return what the SDK took at each 10 ms tick: a block, or silence."""
    waiting = [
        (line.pushed_ns, marked_frame(line.frame)[half * BLOCK_SAMPLES :][:BLOCK_SAMPLES])
        for line in lines(plan)
        if line.pushed_ns is not None
        for half in (0, 1)
    ]
    start, at, taken = START_NS + plan.phase_ms * MS, 0, []
    for tick in range(2 * (plan.frames + LEAD + 50 + sum(plan.stalls.values()) // 20)):
        ready = at < len(waiting) and waiting[at][0] <= start + tick * 10 * MS
        taken.append(waiting[at][1] if ready else np.zeros(BLOCK_SAMPLES, np.int16))
        at += ready
    return np.concatenate(taken)


def heard(plan: Plan, hearing: Hearing) -> Recording:
    """Return the recording that `plan` leaves, with what its subscriber heard."""
    _check_held(hearing)
    run = recording(plan)
    sound = np.concatenate([np.zeros(LOOKAHEAD, np.int16), spoken(plan)])
    packets = sound[: sound.size // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES).copy()
    for ordinal in sorted(hearing.repeated):
        packets[ordinal + LEAD] = packets[ordinal + LEAD - 1]
    packets[[ordinal + LEAD for ordinal in hearing.silent]] = 0
    delivered = np.concatenate([np.zeros(BUFFER, np.int16), packets.reshape(-1)])
    edits: list[tuple[int, Callable[[Sound, int], Sound]]] = [
        *(
            (n, lambda pcm, at, size=size: np.insert(pcm, at, pcm[at - size : at]))
            for n, size in hearing.inserted.items()
        ),
        *(
            (n, lambda pcm, at, size=size: np.insert(pcm, at, _faded(pcm[:at], size)))
            for n, size in hearing.made_up.items()
        ),
        *((n, lambda pcm, at, size=size: np.delete(pcm, np.s_[at : at + size])) for n, size in hearing.removed.items()),
        *((n, lambda pcm, at, size=size: np.delete(pcm, np.s_[at : at + size])) for n, size in hearing.unread.items()),
    ]
    for ordinal, edit in sorted(edits, key=lambda one: -one[0]):
        delivered = edit(delivered, place(ordinal))
    end = delivered.size if hearing.stops_at is None else place(hearing.stops_at)
    audio = HeardAudio(publisher="publisher", samples=delivered[:end], reads=_reads(hearing, end))
    return _with(run, audio, hearing)


def _faded(pcm: Sound, size: int) -> Sound:
    """Return `size` samples of concealment for what was played last."""
    again = np.resize(pcm[-BLOCK_SAMPLES:], size)
    return np.asarray(again * np.linspace(1, 0, size), np.int16)


def _check_held(hearing: Hearing) -> None:
    """Refuse a sound that is read before its packet arrived. ValueError."""
    for ordinal in hearing.removed:
        grown = sum(size for n, size in hearing.inserted.items() if n <= ordinal)
        held = BUFFER + grown - sum(size for n, size in hearing.removed.items() if n <= ordinal)
        if held < BLOCK_SAMPLES:
            raise ValueError(f"packet {ordinal} is read before it arrived: insert {BLOCK_SAMPLES - held} before")


def _reads(hearing: Hearing, end: int) -> tuple[Read, ...]:
    """Note the count each 100 ms of playing; what is delivered and not read takes its time."""
    notes, count, lost = [], 0, 0
    holes = sorted((place(ordinal), size) for ordinal, size in hearing.unread.items())
    while count < end:
        count = min(count + 4800, end)
        lost = sum(size for at, size in holes if at <= count)
        notes.append(Read(t_ns=START_NS + (count + lost) * 1_000_000 // 48, samples=count))
    return tuple(notes)


def _played_ns(hearing: Hearing, ordinal: int) -> int:
    """Return when packet `ordinal` is played, behind what was made up before."""
    made_up = sum(size for n, size in hearing.made_up.items() if n < ordinal)
    return START_NS + (place(ordinal) + made_up) * 1_000_000 // 48


def _with(run: Recording, audio: HeardAudio, hearing: Hearing) -> Recording:
    publisher, subscriber = run.clients
    grown = [(_played_ns(hearing, ordinal), size) for ordinal, size in hearing.concealed.items()]

    def told(sample: InboundSample) -> InboundSample:
        more = sum(size for at_ns, size in grown if at_ns <= sample.t_ns)
        return replace(sample, concealed_samples=sample.concealed_samples + more)

    inbound = tuple(told(sample) for sample in subscriber.inbound)
    return replace(run, clients=(publisher, replace(subscriber, heard=(audio,), inbound=inbound)))
