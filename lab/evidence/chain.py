"""Where the records of a capture begin: a chain in which only each record says where the next one is.

Law: the answer is that of following the chain one record after another. To be fast, beginnings further on are guessed,
and the chains from all of them followed side by side; the walk takes such a run only where it stands at its beginning.
So a wrong guess costs time and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Container, Mapping

import numpy as np

from lab.evidence.octets import Ints, Octets

RECORD_HEADER = 16
LONGEST_RECORD = 262_144
"""Bytes; libpcap's MAXIMUM_SNAPLEN. A longer record is not one."""
PIECE = 131_072
"""Bytes of the file for which one beginning is guessed."""
FEWEST = 32
"""Fewer pieces are walked faster alone: a step of all costs as much as so many steps of one."""

_CAPTURED, _LENGTH = 8, 12  # where they stand in a record's header
_ETHERNET_HEADER = 14
_REACH = 2_048
"""Bytes of each piece in which a beginning is looked for; a frame of Ethernet's 1500 bytes ends within."""
_HOPS = 3
"""So many records in a row must look like records."""


def follow(data: Octets, at: int, order: str, *, piece: int = PIECE, fewest: int = FEWEST) -> tuple[Ints, int]:
    """Return where each record begins whose header is whole, the first at `at`; and where the last of them ends.

    `order` is that of the file's bytes, as `struct` says it.
    """
    last = data.size - RECORD_HEADER
    ahead = _ahead(data, at, order, piece) if data.size >= fewest * piece else {}
    runs = [np.zeros(0, np.int64)]
    while at <= last:
        run = ahead[at] if at in ahead else _alone(data, at, order, ahead)
        runs.append(run[:-1])
        at = int(run[-1])
    return np.concatenate(runs), at


def _alone(data: Octets, at: int, order: str, known: Container[int]) -> Ints:
    """Return the beginnings from `at` on to one that is `known`, or to the end of `data`; that one is the last."""
    captured, view = struct.Struct(order + "I").unpack_from, data.data
    last = data.size - RECORD_HEADER
    found = []
    while at <= last and at not in known:
        found.append(at)
        at += RECORD_HEADER + captured(view, at + _CAPTURED)[0]
    return np.array([*found, at], np.int64)


def _ahead(data: Octets, first: int, order: str, piece: int) -> Mapping[int, Ints]:
    """Return by each guessed beginning the chain from there on, to where it meets or passes the next guess."""
    last = data.size - RECORD_HEADER
    captured = _words(data, order, _CAPTURED)
    at = np.append(first, _guesses(data, order, data.size // (data.size // piece)))
    stops = np.append(at[1:], last + 1)
    steps = [at]
    while (at < stops).any():
        here = np.minimum(at, last)
        data.take(here)  # fetches all of them at once from memory; reading words waits for one after another
        at = at + RECORD_HEADER + captured(here)
        steps.append(at)
    runs = np.array(steps)
    ends = (runs < stops).sum(axis=0) + 1
    return {int(run[0]): run[:end] for run, end in zip(runs.T, ends.tolist(), strict=True)}


def _guesses(data: Octets, order: str, piece: int) -> Ints:
    """Return for each piece but the first where a record seems to begin in it, if one seems to."""
    last = data.size - RECORD_HEADER
    captured, length = _words(data, order, _CAPTURED), _words(data, order, _LENGTH)
    place = at = _candidates(data, order, piece)
    for _ in range(_HOPS):
        here = np.minimum(place, last)
        size, on_wire = captured(here), length(here)
        is_one = (place <= last) & (size >= _ETHERNET_HEADER) & (size <= on_wire) & (on_wire <= LONGEST_RECORD)
        is_end = place == data.size
        place = np.where(is_end, place, here + RECORD_HEADER + size)
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


def _words(data: Octets, order: str, shift: int) -> Callable[[Ints], Ints]:
    """Return what reads the number of four octets `shift` behind each place."""
    words = np.ndarray(data.size - 3, "V4", buffer=data, strides=(1,))[shift:]
    return lambda at: words[at].view(order + "u4").astype(np.int64)
