"""The headers of a capture's records: a chain in which only each record says where the next one is.

Law: the answer is that of following the chain one record after another. To be fast, beginnings further on are guessed,
and the chains from all of them followed side by side; the walk takes such a run only where it stands at its beginning.
So a wrong guess costs time and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Container, Mapping
from functools import cache

import numpy as np

from lab.evidence.octets import Headers, Ints, Octets, octets

RECORD_HEADER = 16
LONGEST_RECORD = 262_144
"""Bytes; libpcap's MAXIMUM_SNAPLEN. A longer record is not one."""
PIECE = 131_072
"""Bytes of the file for which one beginning is guessed."""
FEWEST = 32
"""Fewer pieces are walked faster alone: a step of all costs as much as so many steps of one."""

_CAPTURED, _LENGTH = 8, 12  # where they stand in a record's header
_ETHERNET_HEADER = 14
_OPAQUE = f"V{RECORD_HEADER}"
"""A header as octets: so it is copied at once, not field by field."""
_REACH = 2_048
"""Bytes of each piece in which a beginning is looked for; a frame of Ethernet's 1500 bytes ends within."""
_HOPS = 3
"""So many records in a row must look like records."""
_Run = tuple[Headers, int]
"""Headers of records one behind the other, as they stand in the file, and where the last record ends."""


def follow(data: Octets, at: int, order: str, *, piece: int = PIECE, fewest: int = FEWEST) -> Headers:
    """Return the headers of all records, the first at `at`, as far as they are whole; the last record may not be.

    Each begins where the one before it ends. They are of `layout(order)`; `order` is that of the file's bytes, as
    `struct` says it.
    """
    last = data.size - RECORD_HEADER
    ahead = _ahead(data, at, order, piece) if at <= last and data.size >= fewest * piece else {}
    runs = [np.zeros(0, _OPAQUE)]
    while at <= last:
        run, at = ahead[at] if at in ahead else _alone(data, at, order, ahead)
        runs.append(run)
    return np.concatenate(runs).view(layout(order))


@cache
def layout(order: str) -> np.dtype[np.void]:
    """Return how a record's header is laid out; the unit of `fraction` is the file's."""
    return np.dtype([(name, order + "u4") for name in ("seconds", "fraction", "captured", "length")])


def sizes(found: Headers) -> Ints:
    """Return how many bytes of the file each record takes, its header included."""
    return np.asarray(found["captured"] + np.int64(RECORD_HEADER))


def _alone(data: Octets, at: int, order: str, known: Container[int]) -> _Run:
    """Return the records from `at` on to one that is `known`, or to the end of `data`."""
    captured, view = struct.Struct(order + "I").unpack_from, data.data
    last = data.size - RECORD_HEADER
    found = []
    while at <= last and at not in known:
        found.append(at)
        at += RECORD_HEADER + captured(view, at + _CAPTURED)[0]
    return octets(data, np.array(found), RECORD_HEADER).view(_OPAQUE)[:, 0], at


def _ahead(data: Octets, first: int, order: str, piece: int) -> Mapping[int, _Run]:
    """Return by each guessed beginning the records from there on, to where they meet or pass the next guess.

    Or not so far: as many as have room in one piece. More is a chain of nothing but headers, as zeros are, or there is
    no guess in the piece behind; to follow it for all others, too, would take memory by the square of the file.
    """
    read, stretched = _reader(data, order), data.size // (data.size // piece)
    at = begins = np.append(first, _guesses(data, order, stretched))
    stops = np.append(at[1:], data.size - RECORD_HEADER + 1)
    counts, steps = np.zeros(at.size, np.int64), []
    for _ in range(stretched // RECORD_HEADER):
        going = at < stops
        if not going.any():
            break
        counts += going
        found = read(at * going)  # those that are through read at 0, and go nowhere
        steps.append(found.view(_OPAQUE))
        at = at + sizes(found) * going
    runs = zip(np.array(steps).T, counts.tolist(), at.tolist(), strict=True)
    return {begin: (run[:count], end) for begin, (run, count, end) in zip(begins.tolist(), runs, strict=True)}


def _guesses(data: Octets, order: str, piece: int) -> Ints:
    """Return for each piece but the first where a record seems to begin in it, if one seems to."""
    last = data.size - RECORD_HEADER
    read = _reader(data, order)
    place = at = _candidates(data, order, piece)
    for _ in range(_HOPS):
        here = np.minimum(place, last)
        header = read(here)
        size, on_wire = header["captured"], header["length"]
        is_one = (place <= last) & (size >= _ETHERNET_HEADER) & (size <= on_wire) & (on_wire <= LONGEST_RECORD)
        is_end = place == data.size
        place = np.where(is_end, place, here + sizes(header))
        at, place = at[is_one | is_end], place[is_one | is_end]
    return np.asarray(at[np.unique(at // piece, return_index=True)[1]])


def _candidates(data: Octets, order: str, piece: int) -> Ints:
    """Return the places near the beginning of each piece but the first where lengths may be.

    The highest octet of both is 0, and of the two lowest of what was captured one is not: so zeros are no candidates.
    """
    width = min(_REACH, piece - RECORD_HEADER)
    pieces = data[: data.size // piece * piece].reshape(-1, piece)[1:]
    low, higher, highest = (0, 1, 3) if order == "<" else (3, 2, 0)
    places = (_CAPTURED + low, _CAPTURED + higher, _CAPTURED + highest, _LENGTH + highest)
    least, more, most, longest = (pieces[:, at : at + width] for at in places)
    row, offset = np.divmod(np.flatnonzero(((least | more) != 0) & ((most | longest) == 0)), width)
    return np.asarray((row + 1) * piece + offset)


def _reader(data: Octets, order: str) -> Callable[[Ints], Headers]:
    """Return what reads the records' headers at many places, which must all be within `data`.

    `octets` looks after places behind the end, which takes longer than all else in a step of so few chains.
    """
    windows = np.ndarray(data.size - RECORD_HEADER + 1, _OPAQUE, buffer=data, strides=(1,))
    fields = layout(order)
    return lambda at: windows[at].view(fields)
