"""Find the same packet on both sides of something, for all UDP traffic: by addresses, ports and digest.

Law: a content seen once on each side is one packet. Those packets are anchors: where contents repeat (competing traffic
need not number its packets), the n-th between two anchors is the n-th between them behind, for a queue keeps order.
For a flow's own packets sequence numbers do this better (`streams`); this is for everybody's.
"""

from __future__ import annotations

import numpy as np

from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.evidence.values import Packets

_IDENTITY = ("src", "dst", "sport", "dport", "digest")


def behind(before: Packets, after: Packets) -> Ints:
    """Return per packet of `before` when it was seen in `after`, ABSENT when it never was."""
    if before.size == 0 or after.size == 0:
        return np.full(before.size, ABSENT, np.int64)
    here, there = _contents(before, after)
    kinds = int(max(here.max(), there.max())) + 1
    single = (np.bincount(here, minlength=kinds) == 1) & (np.bincount(there, minlength=kinds) == 1)
    most = before.size + after.size
    wanted = _nth(_gapped(here, single[here], kinds), most)
    found = _nth(_gapped(there, single[there], kinds), most)
    order = np.argsort(found, kind="stable")
    at = np.minimum(np.searchsorted(found[order], wanted), found.size - 1)
    return np.where(found[order][at] == wanted, after["t_ns"][order][at], ABSENT)


def _contents(before: Packets, after: Packets) -> tuple[Ints, Ints]:
    """Give each different content a number, the same on both sides."""
    both = np.concatenate([before, after])
    fields = np.stack([both[key].astype(np.int64) for key in _IDENTITY], axis=1)
    numbers = np.unique(fields, axis=0, return_inverse=True)[1].reshape(-1)
    return numbers[: before.size], numbers[before.size :]


def _gapped(content: Ints, anchor: Flags, kinds: int) -> Ints:
    """Return an anchor's content, and any other's content together with how many anchors came before it."""
    return np.asarray(np.where(anchor, 0, np.cumsum(anchor)) * kinds + content, dtype=np.int64)


def _nth(content: Ints, most: int) -> Ints:
    """Tell equals apart: the first, the second … of `content`, of at most `most`."""
    order = np.argsort(content, kind="stable")
    starts = np.flatnonzero(np.diff(content[order], prepend=-1))
    ranks = np.arange(content.size) - np.repeat(starts, np.diff(np.append(starts, content.size)))
    result = np.empty(content.size, np.int64)
    result[order] = content[order] * most + ranks
    return result
