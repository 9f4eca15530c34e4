"""The chain of records, followed from many places at once: exactly what following it alone gives."""

from __future__ import annotations

import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.evidence import chain
from lab.evidence.chain import RECORD_HEADER, follow, sizes
from tests.unit.evidence.wire import Record, capture

PIECES = (32, 40, 64, 500)


def alone(data: bytes, order: str) -> tuple[list[int], int]:
    """Follow the chain one record after another."""
    begins, at = [], 24
    while at <= len(data) - RECORD_HEADER:
        begins.append(at)
        at += RECORD_HEADER + struct.unpack_from(order + "I", data, at + 8)[0]
    return begins, at


def side_by_side(data: bytes, order: str, piece: int) -> tuple[list[int], int]:
    """Follow it from a guess in each `piece`; where the headers say they begin, they are."""
    found = follow(np.frombuffer(data, np.uint8), 24, order, piece=piece, fewest=1)
    *begins, end = np.cumsum([24, *sizes(found)]).tolist()
    assert found.tobytes() == b"".join(data[at : at + RECORD_HEADER] for at in begins)
    return begins, end


def header(order: str) -> st.SearchStrategy[bytes]:
    """Return what looks like a record's header: lengths that may be, mostly."""
    lengths = st.integers(0, 120) | st.integers(0, 2**32 - 1)
    return st.builds(lambda *four: struct.pack(order + "IIII", *four), st.just(1_000), st.just(5), lengths, lengths)


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, str]:
    """Return a capture whose packets may look like records, torn, damaged or padded with zeros; and its order."""
    order = draw(st.sampled_from("<>"))
    empty = struct.pack(order + "IIII", 1_000, 5, 14, 60) + bytes(14)
    content = st.binary(max_size=90) | header(order) | st.just(empty * 3) | st.integers(0, 200).map(bytes)
    packets = draw(st.lists(st.lists(content, max_size=4).map(b"".join), max_size=30))
    data = bytearray(capture([Record(data=each) for each in packets], style=order + "n"))
    for at in draw(st.lists(st.integers(24, max(len(data) - 1, 24)), max_size=2)):
        data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
    data += bytes(draw(st.sampled_from([0, 0, 15, 100])))
    return bytes(data[: draw(st.integers(24, len(data)) | st.just(len(data)))]), order


@settings(max_examples=400, deadline=None)
@given(files(), st.sampled_from(PIECES))
def test_the_chain_is_that_of_one_record_after_another(file: tuple[bytes, str], piece: int) -> None:
    """Fake headers in packets, torn ends, damaged lengths, both orders: the same beginnings, and the same end."""
    data, order = file
    assert side_by_side(data, order, piece) == alone(data, order)


@settings(max_examples=200, deadline=None)
@given(files(), st.data())
def test_no_guess_can_do_harm(file: tuple[bytes, str], draw: st.DataObject) -> None:
    """Whatever is taken for a beginning, be it in the middle of nowhere, the chain is the same."""
    data, order = file
    places = st.lists(st.integers(25, max(len(data) - RECORD_HEADER, 25)), unique=True, max_size=12).map(sorted)
    guesses = np.array([at for at in draw.draw(places) if at <= len(data) - RECORD_HEADER], np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "_guesses", lambda *_: guesses)
        assert side_by_side(data, order, 32) == alone(data, order)


@pytest.mark.parametrize("order", ["<", ">"])
def test_where_nothing_misleads_every_guess_is_right(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a capture of ordinary packets not one record is walked alone."""
    draw = np.random.default_rng(1)
    packets = [Record(data=draw.bytes(int(size))) for size in draw.integers(60, 1_514, 2_000)]
    data = capture(packets, style=order + "n")
    monkeypatch.delattr(chain, "_alone")
    assert side_by_side(data, order, 100_000) == alone(data, order)


def test_a_tail_of_zeros_takes_no_more_memory_than_the_file() -> None:
    """As of a machine that failed: each 16 zeros are a record, and no other chain is followed as far."""
    ordinary = [Record(data=np.random.default_rng(2).bytes(1_000)) for _ in range(8_000)]
    data = capture(ordinary) + bytes(4_000_000)
    tracemalloc.start()
    try:
        found = follow(np.frombuffer(data, np.uint8), 24, "<")
        assert tracemalloc.get_traced_memory()[1] < 6 * len(data)
    finally:
        tracemalloc.stop()
    assert found.size == len(ordinary) + 250_000


def test_a_packet_full_of_records_misleads_only_for_its_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """A capture of a capture file being sent: its guesses are wrong, and the walk finds back to a right one."""
    inner = capture([Record(data=bytes([7]) * 60)] * 200)
    ordinary = [Record(data=np.random.default_rng(2).bytes(1_000)) for _ in range(1_000)]
    data = capture([*ordinary, Record(data=inner), *ordinary])
    walked: list[int] = []
    walk = chain._alone
    monkeypatch.setattr(chain, "_alone", lambda *given: walked.append(1) or walk(*given))
    assert side_by_side(data, "<", 8_192) == alone(data, "<")
    assert 1 <= len(walked) <= 3
