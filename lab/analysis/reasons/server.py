"""Why the server lost audio or held it back: its quota, its crowd, its socket, a packet filter, or itself.

Law: where the server tells of each track what it read and wrote, a packet is its kernel's when it was not read, or
written and not sent, and the server's own when it was read and not written. What its kernel dropped is told by the
namespace's own counters, and explains a loss when it is at least half of it; two that both do leave it undecided.
Short of CPU among many others it was crowded, short of CPU with few it was throttled, each with the quota it had.
"""

from __future__ import annotations

import numpy as np

from lab.analysis.containers.hosts import Host
from lab.analysis.ledger.ledger import dropped
from lab.analysis.ledger.pieces import Piece, Story, Told, everything, undecided
from lab.evidence import names

_HALF = 0.5
_CROWD = 3
"""So many times as many packets of others as passed the tap of this scenario's own clients are a crowd's."""
_UDP = 17
_AROUND_NS = 1_000_000_000


def own(story: Story, piece: Piece) -> list[Told]:
    """Return why the server itself, or its socket or packet filter, lost audio or held it back."""
    if piece.kind != "late":
        return _lost(story, piece)
    still = _host(story).stood_still(*_span(story))
    words = f", its processes stood still {len(still)} times" if still else ""
    return everything(piece, "not-forwarded", f"{piece.frames} held back at its door{words}")


def load(story: Story, piece: Piece) -> list[Told]:
    """Return what the server had too little CPU for."""
    host, span = _host(story), _span(story)
    ours, everybodys = _packets(story), host.datagrams(*span) or 0
    moments = _moments(story, piece)
    used, withheld = host.cpu_share(*moments) or 0.0, host.throttled_share(*moments) or 0.0
    spoken = f"it used {used:.2f} CPUs, its quota withheld {withheld:.2f}"
    if everybodys - ours >= _CROWD * ours:
        return everything(piece, "server-crowded", f"{everybodys - ours} packets of others beside {ours}; {spoken}")
    return everything(piece, "server-throttled", spoken)


def _host(story: Story) -> Host:
    return story.case.hosts.get(names.SERVER) or Host(name=names.SERVER)


def _span(story: Story) -> tuple[int, int]:
    return story.case.times.media_from_ns, story.case.until_ns


def _moments(story: Story, piece: Piece) -> tuple[int, int]:
    """Return from when to when a piece came about, a second on either side, while the media was measured."""
    when, (from_ns, to_ns) = story.flow.made.sent_ns[piece.rows], _span(story)
    return max(from_ns, int(when.min()) - _AROUND_NS), min(to_ns, int(when.max()) + _AROUND_NS)


def _packets(story: Story) -> int:
    """Return how many UDP packets passed the server's door from or to this scenario's clients."""
    core = story.case.scene.core
    from_ns, to_ns = _span(story)
    seats = [seat.ip for seat in story.case.scene.seats]
    ours = (core["proto"] == _UDP) & (np.isin(core["src"], seats) | np.isin(core["dst"], seats))
    return int((ours & (core["t_ns"] >= from_ns) & (core["t_ns"] <= to_ns)).sum())


def _lost(story: Story, piece: Piece) -> list[Told]:
    lost = dropped(story.flow, "server")
    gone, account = int((lost if story.loaded is None else lost & ~story.loaded).sum()), story.case.door(story.flow)
    if account is None:
        return _kernels(story, piece, gone)
    if account.lost_unsent >= _HALF * gone:
        note = f"{account.lost_unsent} packets written and never seen at its door"
        return everything(piece, "packet-filter", note)
    if account.lost_unread - account.refused >= _HALF * gone:
        return _kernels(story, piece, gone)
    note = f"{piece.frames}: it read {account.read} of {account.entered} packets and wrote {account.written}"
    return everything(piece, "not-forwarded", note)


def _kernels(story: Story, piece: Piece, gone: int) -> list[Told]:
    """Return which counter of the server's namespace explains `gone` packets."""
    host, span, frames = _host(story), _span(story), piece.frames
    counted = {
        "socket-buffer": (host.rcvbuf_drops(*span), "its socket's receive buffer dropped"),
        "packet-filter": (host.filtered(*span), "a packet filter in its namespace dropped"),
    }
    enough = {code: (count, words) for code, (count, words) in counted.items() if count and count >= _HALF * gone}
    if len(enough) > 1:
        return undecided(piece, f"{frames}: {' or '.join(sorted(enough))}")
    if enough:
        code, (count, words) = enough.popitem()
        return everything(piece, code, f"{words} {count} packets; {gone} of this flow are missing behind it")
    if any(count is None for count, _ in counted.values()):
        return undecided(piece, f"{frames} went in and never out; nobody counted what its kernel dropped")
    return everything(piece, "not-forwarded", f"{frames} went in and never out, and its kernel dropped none of them")
