"""The server's renumbering, undone: constants that move, several SSRCs for one track, and what is nobody's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.analysis.wire.forwarding import downlinks, paired, renumbering
from lab.analysis.wire.streams import Stream, rtp_of, stream
from lab.errors import EvidenceError
from lab.evidence.values import KIND_RTP, PACKET, Packets

MS = 1_000_000
LISTENER = 7
RNG = np.random.default_rng(5)
LENGTHS = 200 + RNG.integers(0, 60, 2000)


def rtp(numbers: list[int], *, added: int = 0, ssrc: int = 1, late_ms: float = 0.0, marker: int = 0) -> Packets:
    """Return packets 20 ms apart by their `numbers`, to which the server added `added`; each has its own length."""
    rows = np.zeros(len(numbers), PACKET)
    rows["kind"], rows["ssrc"], rows["dst"], rows["marker"] = KIND_RTP, ssrc, LISTENER, marker
    rows["seq"] = (np.array(numbers, np.int64) + added) % 2**16
    rows["ts"] = np.array(numbers, np.int64) * 960 % 2**32
    rows["t_ns"] = [int((n * 20 + late_ms) * MS) for n in numbers]
    rows["length"] = [LENGTHS[n % 2000] - 8 * (ssrc != 1) for n in numbers]
    return rows


def joined(*parts: Packets) -> Packets:
    """Return all packets in order of time."""
    rows = np.concatenate(parts)
    return rows[np.argsort(rows["t_ns"], kind="stable")]


def entered(numbers: list[int]) -> Stream:
    """Return what came in."""
    return stream(rtp(numbers))


def numbers(found: Stream) -> list[int]:
    """Return sequence numbers as they wrap."""
    return [int(number) for number in found.seq % 2**16]


@settings(deadline=None, max_examples=50)
@given(
    first=st.integers(0, 2**16 - 1),
    steps=st.lists(st.integers(-40, 400).filter(lambda n: abs(n) > 3), min_size=0, max_size=3),
    lost=st.sets(st.integers(0, 399), max_size=80),
)
def test_a_constant_that_moves_is_followed(first: int, steps: list[int], lost: set[int]) -> None:
    """At each mute 50 packets are missing and the constant moves: every packet finds its own number all the same."""
    line = list(range(first, first + 400))
    added, parts, kept = 0, [], []
    stretch = 400 // (len(steps) + 1)
    for i, step in enumerate([0, *steps]):
        added += step
        here = [n for n in line[i * stretch + 50 * (i > 0) : (i + 1) * stretch] if n - first not in lost]
        kept += here
        parts.append(rtp(here, added=added, ssrc=2, late_ms=0.5))
    (found,) = downlinks([joined(*parts)], entered([n for n in line if n - first not in lost]), LISTENER, [2])
    assert numbers(found) == [n % 2**16 for n in sorted(kept)]


@pytest.mark.parametrize("mutes", [3, 8, 12, 30])
def test_every_mute_may_move_the_constant(mutes: int) -> None:
    """By 2 each time, as LiveKit does: no packet has the number of the one 40 ms before it."""
    line = list(range(100, 100 + 100 * (mutes + 1)))
    heard = [line[100 * mute + 40 * (mute > 0) : 100 * (mute + 1)] for mute in range(mutes + 1)]
    core = joined(*(rtp(here, added=2 * mute, ssrc=2, late_ms=1) for mute, here in enumerate(heard)))
    (found,) = downlinks([core], entered(line), LISTENER, [2])
    assert numbers(found) == [number for here in heard for number in here]


@pytest.mark.parametrize("mutes", [1, 3])
@pytest.mark.parametrize("step", [-30, -10, -5, -2, 2, 5, 10, 30])
def test_packets_of_equal_lengths_are_told_apart_by_their_clock(step: int, mutes: int) -> None:
    """Before a mute as behind it: no packet is taken for one that came in before, and was held ever since.

    After each mute the server's clock is 11 ms ahead of where it was, as LiveKit's is.
    """
    line = list(range(100, 100 + 200 * (mutes + 1)))
    heard = [line[200 * mute + 40 * (mute > 0) : 200 * (mute + 1)] for mute in range(mutes + 1)]
    parts = [rtp(here, added=step * mute, ssrc=2, late_ms=1) for mute, here in enumerate(heard)]
    for mute, part in enumerate(parts):
        part["ts"], part["length"] = part["ts"] + 533 * mute, 200
    into = rtp(line)
    into["length"] = 208
    (found,) = downlinks([joined(*parts)], stream(into), LISTENER, [2])
    assert numbers(found) == [number for here in heard for number in here]


def test_a_server_that_becomes_slow_moves_no_constant() -> None:
    """Packets of equal lengths, each held 600 ms from one on: they are late, and not others; its clock goes on."""
    line = list(range(100, 400))
    slow = joined(rtp(line[:100], ssrc=2, late_ms=1), rtp(line[100:], ssrc=2, late_ms=600))
    into = rtp(line)
    slow["length"], into["length"] = 200, 208
    (found,) = downlinks([slow], stream(into), LISTENER, [2])
    assert numbers(found) == line


def test_joining_again_is_one_stream() -> None:
    """Unsubscribed for a while, then another SSRC from 0 on: one line of numbers, with a hole where nobody listened."""
    line = list(range(100, 700))
    core = joined(rtp(line[:250], ssrc=2, late_ms=0.5), rtp(line[350:], ssrc=3, late_ms=0.5))
    (found,) = downlinks([core], entered(line), LISTENER, [2, 3])
    assert numbers(found) == line[:250] + line[350:]
    assert (found.copies, found.reordered) == (0, 0)


def test_the_servers_own_silence_is_nobodys() -> None:
    """Marker 1, in the numbers that follow: it is left out, and what comes behind it is followed."""
    line = list(range(100, 400))
    silence = rtp(line[100:150], added=3, ssrc=2, late_ms=7, marker=1)
    core = joined(rtp(line[:100], ssrc=2, late_ms=0.5), silence, rtp(line[200:], added=-40, ssrc=2, late_ms=0.5))
    (found,) = downlinks([core], entered(line), LISTENER, [2])
    assert numbers(found) == line[:100] + line[200:]


def test_two_tracks_and_their_streams_are_paired() -> None:
    """A track published again has another SSRC in front of the server; each stream behind it goes to its own."""
    before, after = list(range(100, 300)), list(range(9_000, 9_200))
    late = rtp(after)
    late["t_ns"] -= 8_700 * 20 * MS
    out = rtp(after, ssrc=5, late_ms=0.5)
    out["t_ns"] -= 8_700 * 20 * MS
    found = paired({1: rtp(before), 4: late}, {3: rtp(before, ssrc=3, late_ms=0.5), 5: out})
    assert found == {1: (3,), 4: (5,)}


def test_a_stream_that_no_statistics_name_is_paired_where_it_fits() -> None:
    """A listener whose signalling never came has media on the wire all the same; another track's is left out."""
    line = list(range(100, 300))
    video = rtp(list(RNG.integers(20_000, 60_000, 100)), ssrc=7)
    found = paired({1: rtp(line)}, {}, {3: rtp(line, ssrc=3, late_ms=0.5), 7: video})
    assert found == {1: (3,)}


def test_what_fits_nothing_is_refused() -> None:
    """A stream of strangers, and strangers within a stream: an error that says so, never loss."""
    line = list(range(100, 400))
    with pytest.raises(EvidenceError, match="none of those that went in"):
        paired({1: rtp(line)}, {2: rtp(list(RNG.integers(20_000, 60_000, 100)), ssrc=2)})
    wild = rtp(list(range(30_000, 30_040)), ssrc=2)
    wild["seq"], wild["t_ns"] = RNG.integers(40_000, 60_000, 40), (np.arange(40) * 20 + 5_000) * MS
    with pytest.raises(EvidenceError, match="40 packets behind the server are none"):
        downlinks([joined(rtp(line, ssrc=2, late_ms=0.5), wild)], entered(line), LISTENER, [2])
    assert paired({1: rtp(line)}, {2: rtp([])}) == {1: ()}


def test_nothing_is_renumbered_into_nothing() -> None:
    """Without packets on either side there is no constant."""
    some = entered([1, 2, 3])
    nothing = stream(rtp_of(rtp([]), ssrc=2))
    assert renumbering(some, nothing) is None
    assert renumbering(nothing, some) is None
