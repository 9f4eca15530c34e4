"""Find the same packet on both sides of something, for all UDP traffic: by addresses, ports and digest.

Law: the n-th packet with some content before is the n-th with that content behind. For a flow's own packets sequence
numbers do this better (`streams`); this is for everybody's.
"""

from __future__ import annotations

import numpy as np

from lab.analysis.streams import ABSENT, Ints
from lab.evidence.values import Packets

_IDENTITY = ("src", "dst", "sport", "dport", "digest")


def behind(before: Packets, after: Packets) -> Ints:
    """Return per packet of `before` when it was seen in `after`, ABSENT when it never was."""
    if before.size == 0 or after.size == 0:
        return np.full(before.size, ABSENT, np.int64)
    both = np.concatenate([before, after])
    contents = np.stack([both[key].astype(np.int64) for key in _IDENTITY], axis=1)
    content = np.unique(contents, axis=0, return_inverse=True)[1].reshape(-1)
    name = content * np.int64(both.size) + np.concatenate([_nth(content[: before.size]), _nth(content[before.size :])])
    wanted, found = name[: before.size], name[before.size :]
    order = np.argsort(found, kind="stable")
    at = np.minimum(np.searchsorted(found[order], wanted), found.size - 1)
    return np.where(found[order][at] == wanted, after["t_ns"][order][at], ABSENT)


def _nth(content: Ints) -> Ints:
    """Return for each entry how many equal ones came before it."""
    order = np.argsort(content, kind="stable")
    starts = np.flatnonzero(np.diff(content[order], prepend=-1))
    ranks = np.arange(content.size) - np.repeat(starts, np.diff(np.append(starts, content.size)))
    result = np.empty(content.size, np.int64)
    result[order] = ranks
    return result
