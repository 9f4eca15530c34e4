"""Many places of a file at once: the same octets as one place after another."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.evidence.octets import alike, distinct, headers, octets


@settings(deadline=None)
@given(st.binary(max_size=40), st.lists(st.integers(0, 80), max_size=8), st.integers(1, 50))
def test_octets_are_those_of_the_file_and_zeros_behind(data: bytes, places: list[int], size: int) -> None:
    """Wherever a place is, within the file, at its end or beyond, and however short the file."""
    rows = octets(np.frombuffer(data, np.uint8), np.array(places, np.int64), size)
    assert [row.tobytes() for row in rows] == [data[at : at + size].ljust(size, b"\0") for at in places]


def test_a_layout_is_read_at_each_place() -> None:
    """Big-endian fields, at places that no alignment favours."""
    layout = np.dtype([("first", "u1"), ("second", ">u2")])
    found = headers(np.arange(8, dtype=np.uint8), np.array([1, 4, 7]), layout)
    assert found.tolist() == [(1, 0x0203), (4, 0x0506), (7, 0)]


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=12))
def test_distinct_values_rise_and_are_each_there_once(values: list[int]) -> None:
    """In whatever order they come, none at all included."""
    assert distinct(np.array(values, np.uint32)).tolist() == sorted(set(values))


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=12))
def test_alike_is_where_each_value_is(values: list[int]) -> None:
    """Each value once, rising, with all its places; of one value alone everything."""
    array = np.array(values, np.uint8)
    found = [(value, np.arange(array.size)[rows].tolist()) for value, rows in alike(array)]
    assert found == [(value, [at for at, one in enumerate(values) if one == value]) for value in sorted(set(values))]
