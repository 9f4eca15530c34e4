"""Joining finds each packet again on the other side, whatever was dropped, copied, mixed up or numbered anew."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.wire.forwarding import renumbering
from lab.analysis.wire.joins import behind
from lab.analysis.wire.streams import ABSENT, place, shift, stream, unwrap
from lab.evidence.values import KIND_RTP, PACKET, Packets
from tests.unit.analysis.chance import drawn

STEP_NS = 1_000_000


def datagrams(contents: list[int], t_ns: list[int]) -> Packets:
    """Return UDP packets with these contents at these times."""
    rows = np.zeros(len(contents), PACKET)
    rows["proto"], rows["digest"], rows["t_ns"] = 17, contents, t_ns
    return rows


def crossed(contents: list[int], dropped: set[int], waits: list[int]) -> tuple[Packets, Packets, list[int]]:
    """Send `contents` through something: return both sides, and when each came out, ABSENT when it did not."""
    entered = [STEP_NS * (i + 1) for i in range(len(contents))]
    left = [
        ABSENT if i in dropped else when + STEP_NS * wait // 2
        for i, (when, wait) in enumerate(zip(entered, waits, strict=True))
    ]
    out = sorted((when, content) for when, content in zip(left, contents, strict=True) if when != ABSENT)
    after = datagrams([content for _, content in out], [when for when, _ in out])
    return datagrams(contents, entered), after, left


TRAFFIC = st.integers(1, 120).flatmap(
    lambda size: st.tuples(
        st.permutations(range(size)),
        st.sets(st.integers(0, size - 1)),
        st.lists(st.integers(0, 40), min_size=size, max_size=size),
    )
)


@drawn(80)
@given(traffic=TRAFFIC)
def test_packets_that_differ_are_found_in_any_order(traffic: tuple[list[int], set[int], list[int]]) -> None:
    """Each of them and no other, the dropped ones nowhere."""
    before, after, left = crossed(*traffic)
    assert behind(before, after).tolist() == left


@drawn(80)
@given(
    contents=st.lists(st.integers(0, 5), min_size=1, max_size=120),
    wait=st.integers(0, 40),
)
def test_equal_packets_keep_their_order_through_a_queue(contents: list[int], wait: int) -> None:
    """Traffic that does not number its packets: with nothing dropped, each is found when it came out."""
    before, after, left = crossed(contents, set(), [wait] * len(contents))
    assert behind(before, after).tolist() == left


@drawn(80)
@given(
    contents=st.lists(st.integers(0, 5), min_size=1, max_size=120),
    dropped=st.sets(st.integers(0, 119)),
)
def test_of_equal_packets_as_many_are_missed_as_were_dropped(contents: list[int], dropped: set[int]) -> None:
    """Which of several equal ones died cannot be told, how many can; and those of one kind stay of that kind."""
    gone = {i for i in dropped if i < len(contents)}
    before, after, _ = crossed(contents, gone, [1] * len(contents))
    missed = behind(before, after) == ABSENT
    for kind in set(contents):
        ours = [i for i, content in enumerate(contents) if content == kind]
        assert missed[ours].sum() == len(gone.intersection(ours))


def rtp(numbers: list[int], t_ns: list[int]) -> Packets:
    """Return RTP packets of one SSRC with these (not yet wrapped) numbers, in capture order."""
    rows = np.zeros(len(numbers), PACKET)
    rows["kind"], rows["t_ns"] = KIND_RTP, t_ns
    rows["seq"] = np.array(numbers, np.int64) % 2**16
    rows["ts"] = np.array(numbers, np.int64) * 960 % 2**32
    rows["digest"] = np.array(numbers, np.int64) % 2**32
    return rows


STREAMS = st.integers(2, 150).flatmap(
    lambda size: st.tuples(
        st.integers(0, 2**32),
        st.lists(st.sampled_from(["as it is", "as it is", "dropped", "twice", "late"]), min_size=size, max_size=size),
    )
)


def disturbed(first: int, fates: list[str], by: int = 0) -> Packets:
    """Return the stream behind a network that drops, copies and delays, its numbers moved `by`."""
    sightings = []
    for i, fate in enumerate(fates):
        at = STEP_NS * (20 * i + 5)
        sightings += {"dropped": [], "twice": [(at, i), (at + STEP_NS, i)], "late": [(at + 90 * STEP_NS, i)]}.get(
            fate, [(at, i)]
        )
    sightings.sort()
    return rtp([first + by + i for _, i in sightings], [at for at, _ in sightings])


@drawn(80)
@given(drawn_stream=STREAMS)
def test_every_packet_of_a_stream_is_found_by_its_number(drawn_stream: tuple[int, list[str]]) -> None:
    """Wherever the 16 bits wrap: each packet that came is found at its first sighting, and counted once."""
    first, fates = drawn_stream
    sent = stream(rtp([first + i for i in range(len(fates))], [20 * STEP_NS * i for i in range(len(fates))]))
    came = stream(disturbed(first, fates), near=sent)
    rows = place(sent.seq, came)
    assert [row >= 0 for row in rows] == [fate != "dropped" for fate in fates]
    assert came.copies == fates.count("twice")
    assert came.digest[rows[rows >= 0]].tolist() == sent.digest[rows >= 0].tolist()
    assert came.ts[rows[rows >= 0]].tolist() == sent.ts[rows >= 0].tolist()


@drawn(50)
@given(
    first=st.integers(0, 2**32),
    by=st.integers(-(2**15) + 400, 2**15 - 400),
    dropped=st.sets(st.integers(0, 149), max_size=60),
)
def test_what_the_server_added_to_the_numbers_is_found(first: int, by: int, dropped: set[int]) -> None:
    """A constant, whatever it is, with up to 40 % of the packets missing behind it."""
    entered = stream(rtp([first + i for i in range(150)], [20 * STEP_NS * i for i in range(150)]))
    fates = ["dropped" if i in dropped else "as it is" for i in range(150)]
    assert shift(entered, stream(disturbed(first, fates, by), near=entered)) == by


@drawn(50)
@given(
    first=st.integers(0, 2**32 - 1),
    steps=st.lists(st.integers(-50_000, 500_000), max_size=100),
    bits=st.sampled_from([16, 32]),
)
def test_small_steps_survive_every_wrap(first: int, steps: list[int], bits: int) -> None:
    """RFC 3550: what moves by less than half the range is put on one line."""
    small = [step % 20_000 if bits == 16 else step for step in steps]
    true = np.cumsum([first, *small])
    found = unwrap((true % 2**bits).astype(np.uint32), bits)
    assert np.array_equal(found - found[0], true - true[0])


SPELLS = st.lists(st.tuples(st.integers(30, 90), st.integers(1, 60)), min_size=1, max_size=3)


@drawn(40)
@given(first=st.integers(0, 2**32), spells=SPELLS, every=st.integers(3, 40), lengths=st.integers(0, 2**32 - 1))
def test_numbers_that_the_server_moves_on_the_way_are_followed(
    first: int, spells: list[tuple[int, int]], every: int, lengths: int
) -> None:
    """Behind each spell it forwards nothing for a while and closes the numbers; losses besides: all are put back."""
    spells = [*spells, (30, 0)]
    heard = [i for forwarded, muted in spells for i in [True] * forwarded + [False] * muted]
    entered = rtp([first + i for i in range(len(heard))], [20 * STEP_NS * i for i in range(len(heard))])
    entered["length"] = np.random.default_rng(lengths).integers(100, 220, len(heard))
    out = entered[np.array(heard)].copy()
    out["seq"] = (first + np.arange(out.size)) % 2**16
    out["t_ns"] += STEP_NS // 2
    kept = np.arange(out.size) % every != 1
    sent = stream(entered)
    left = stream(out[kept], near=sent)
    moved = renumbering(sent, left)
    assert moved is not None
    assert moved.undone(left).seq.tolist() == sent.seq[np.array(heard)][kept].tolist()
