"""The ways of frames as text, a line each: `#812 pushed 16.241 s → seq 19566 → heard 16.402 s`.

Law: a line says what happened to this frame and no more; where its two halves fared differently, both are told.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.analysis.ledger.ways import Half, Way

_TO = " → "
_BY = {"red": "RED", "fec": "in-band FEC"}
_PLACES = {
    "uplink": "dropped on the uplink",
    "downlink": "dropped on the downlink",
    "server": "swallowed by the server",
    "send": "never left the client",
    "unexplained": "gone between two captures of the router",
}
_FATES = {
    "push": "never pushed",
    "content": "never came out of the SDK",
    "send": "lost at the client",
    "uplink": "lost on the uplink",
    "server": "lost at the server",
    "downlink": "lost on the downlink",
    "playout": "arrived, not played",
    "read": "played, not read",
    "unexplained": "gone, unexplained",
    "dtx": "silence, left out",
    "mute": "muted",
    "start-up": "before the listener's first packet",
    "tail": "behind the end",
    "cut": "cut off by a mute",
    "withheld": "withheld after a mute",
    "unsubscribed": "nobody was subscribed",
    "unsignalled": "arrived, but the link held up word of it",
    "untold": "arrived, but its program was never told",
}
_LEAST_LATE_MS = 0.5
_HALVES = ("first half", "second half")


def lines(title: str, ways: Sequence[Way]) -> str:
    """Return a line per frame below `title`."""
    return "\n".join([title, *(_line(way) for way in ways)]) + "\n"


def _line(way: Way) -> str:
    ending = "" if way.measured else "   (not measured)"
    waited = f" after {way.made_up_ms} ms of sound made up" if way.made_up_ms else ""
    return _TO.join([f"  #{way.frame} {_pushed(way)}", *_fared(way)]) + waited + ending


def _fared(way: Way) -> list[str]:
    """Return what became of a frame that was pushed, told once where its halves fared alike."""
    if way.pushed_ms is None:
        return []
    first, *others = way.halves
    if all(_alike(first, other) for other in others):
        packets = dict.fromkeys(half.seq for half in way.halves if half.seq is not None)
        return _half(first, " + ".join(map(str, packets)))
    told = (f"{name}: {_TO.join(_half(half, str(half.seq)))}" for name, half in zip(_HALVES, way.halves, strict=False))
    return [" · ".join(told)]


def _alike(one: Half, other: Half) -> bool:
    same_packet = one.seq == other.seq or not (one.died or other.died)
    return same_packet and (one.fate, one.late, one.died) == (other.fate, other.late, other.died)


def _pushed(way: Way) -> str:
    if way.pushed_ms is None:
        return "never pushed"
    late = f" (+{way.late_ms:.0f} ms late)" if way.late_ms >= _LEAST_LATE_MS else ""
    silence = f" after {way.silence_ms} ms of silence" if way.silence_ms else ""
    return f"pushed {way.pushed_ms / 1000:.3f} s{late}{silence}"


def _half(half: Half, packets: str) -> list[str]:
    parts = [f"seq {packets}"] if half.seq is not None else []
    if half.died:
        parts.append(_PLACES[half.died] + (f" ({half.cause})" if half.cause else ""))
    if half.mechanism:
        source = "a packet of silence" if half.repaired_from is None else f"#{half.repaired_from}"
        parts.append(f"repaired from {source} ({_BY[half.mechanism]})")
    return [*parts, _ended(half)]


def _ended(half: Half) -> str:
    if half.fate == "decodable":
        return "arrived in time" if half.heard_ms is None else f"heard {half.heard_ms / 1000:.3f} s"
    heard = "" if half.heard_ms is None else f", heard {half.heard_ms / 1000:.3f} s all the same"
    if half.torn:
        return f"not known: {half.torn.file} ends at {half.torn.ends_ms / 1000:.3f} s{heard}"
    return f"late at the {half.fate}{heard}" if half.late else _FATES[half.fate]
