"""What `tc` is told: pure functions from an impairment to argument lists, the same for both drivers.

Law: the tree is made once, clean, and afterwards only changed in place; each change restates everything, because
netem keeps what a change leaves out (rate, corruption, table of the distribution). Each cause of a drop has a
counter of its own:

    1: prio ─┬─ 1:1  10: pfifo     untouched: all but IPv4, and with `impair_only: rtp` all but RTP
             ├─ 1:2   2: netem     delay, loss, duplicates, corruption: random = dropped(2:) - dropped(20:)
             │             └─ 20: tbf   rate and queue: queue = dropped(20:)
             └─ 1:3   3: pfifo     of no length, which drops all: outage and blocked = dropped(3:)

Filters say what is impaired: IPv4, which is all that nodes speak (IPv6 is off in every one of them, and whom they speak
to they know without ARP). Whatever else came must not draw from netem's dice, or the losses of a seed would fall on
other packets each time. (3: is no second netem: kernels since 6.12.42 refuse duplication where a tree holds two,
CVE-2025-38553.)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Literal

from lab.errors import EnvironmentFault
from lab.rig.layout.script import Argv
from lab.scenario.model import Direction, Impairment, Loss

Only = Literal["all", "rtp"]

ROOT, CLEAR, NETEM, TBF, BLOCKED = "1:", "10:", "2:", "20:", "3:"
PRIOMAP = ("0",) * 16
"""Whatever no filter chose stays untouched."""
CLEAR_LIMIT = 10_000
"""Packets the untouched band may hold; it is emptied at once."""

KEEPING_ORDER_BPS = 100_000_000_000
"""With a rate, netem never sends a packet before the one that came first, and frees it from its TCP socket, which
would otherwise see a loss on its own machine. At this rate a full frame takes 0.12 us."""

UNLIMITED_BPS = 10_000_000_000
UNLIMITED_BURST = 4_000_000
UNLIMITED_QUEUE = 100_000_000
"""The tbf of a direction without `rate`: it delays and drops nothing that the bump can carry."""

_LEAST_HELD = 10_000
_PACKETS_PER_S = 100_000
_LEAST_BURST = 3_000
_BURSTS_PER_S = 250

_UDP_WITHOUT_OPTIONS = ("match", "u8", "0x45", "0xff", "at", "0", "match", "u8", "0x11", "0xff", "at", "9")


def seed_for(run_seed: int, client: str, direction: Direction, step: str) -> int:
    """Return netem's seed (1 … 2³²-1) of one direction in one step, the same in every run with `run_seed`."""
    digest = hashlib.sha256(f"{run_seed}/{client}/{direction}/{step}".encode()).digest()
    return int.from_bytes(digest[:4], "big") or 1


def setup_argv(device: str, only: Only, seed: int | None) -> tuple[Argv, ...]:
    """Return what builds the tree on `device` in its clean state. `seed` None: this tc or kernel takes none."""
    clean = Impairment()
    tree = (
        ("qdisc", "replace", "dev", device, "root", "handle", ROOT, "prio", "bands", "3", "priomap", *PRIOMAP),
        ("qdisc", "replace", "dev", device, "parent", "1:1", "handle", CLEAR, "pfifo", "limit", str(CLEAR_LIMIT)),
        ("qdisc", "replace", "dev", device, "parent", "1:2", "handle", NETEM, "netem", *netem_options(clean, seed)),
        ("qdisc", "replace", "dev", device, "parent", "2:1", "handle", TBF, "tbf", *tbf_options(clean)),
        ("qdisc", "replace", "dev", device, "parent", "1:3", "handle", BLOCKED, "pfifo", "limit", "0"),
    )
    return tuple(("tc", *line) for line in (*tree, *_chosen(device, only)))


def change_argv(device: str, before: Impairment, after: Impairment, seed: int | None) -> tuple[Argv, ...]:
    """Return what turns `device` from `before` into `after`, dropping nothing that it holds."""
    appear = [_block_filter(device, "add", pref) for pref in blocks(after) if pref not in blocks(before)]
    vanish = [_block_filter(device, "del", pref) for pref in blocks(before) if pref not in blocks(after)]
    lines = (
        *appear,
        ("qdisc", "change", "dev", device, "parent", "1:2", "handle", NETEM, "netem", *netem_options(after, seed)),
        ("qdisc", "change", "dev", device, "parent", "2:1", "handle", TBF, "tbf", *tbf_options(after)),
        *vanish,
    )
    return tuple(("tc", *line) for line in lines)


def show_argv(devices: Sequence[str]) -> tuple[Argv, ...]:
    """Return what reads back `devices`: all qdiscs (the kernel lists no fewer), then the filters of each."""
    filters = (("tc", "filter", "show", "dev", device, "parent", ROOT) for device in devices)
    return (("tc", "qdisc", "show"), *filters)


def netem_options(asked: Impairment, seed: int | None) -> Argv:
    """Return netem's whole state. A table of the distribution can only be given together with a jitter."""
    table = ("distribution", asked.distribution) if asked.jitter_ms else ()
    return (
        *("limit", str(netem_limit(asked))),
        *("delay", f"{number(asked.delay_ms)}ms", f"{number(asked.jitter_ms)}ms", *table),
        *_loss_options(asked.loss),
        *("duplicate", percent(asked.duplicate)),
        *("corrupt", percent(asked.corrupt)),
        *("rate", f"{netem_rate_bps(asked)}bit"),
        *(() if seed is None else ("seed", str(seed))),
    )


def netem_rate_bps(asked: Impairment) -> int:
    """Return the rate that makes netem keep order; 0 where a jitter may reorder."""
    return 0 if asked.order == "free" and asked.jitter_ms else KEEPING_ORDER_BPS


def netem_limit(asked: Impairment) -> int:
    """Return more packets than can be in flight through the delay, so that netem's own limit never drops one."""
    longest_s = (asked.delay_ms + 4 * asked.jitter_ms) / 1000
    return max(_LEAST_HELD, math.ceil(2 * _PACKETS_PER_S * longest_s))


def tbf_options(asked: Impairment) -> Argv:
    """Return tbf's whole state. Raises EnvironmentFault for a rate without a queue."""
    rate_bps, burst, limit = tbf_numbers(asked)
    return ("rate", f"{rate_bps}bit", "burst", str(burst), "limit", str(limit))


def tbf_numbers(asked: Impairment) -> tuple[int, int, int]:
    """Return rate in bit/s, burst and queue in bytes."""
    if asked.rate_bps is None:
        return UNLIMITED_BPS, UNLIMITED_BURST, UNLIMITED_QUEUE
    if asked.queue_bytes is None:
        raise EnvironmentFault(f"a rate of {asked.rate_bps} bit/s has no queue", fix="resolve the scenario first")
    return asked.rate_bps, max(_LEAST_BURST, asked.rate_bps // 8 // _BURSTS_PER_S), asked.queue_bytes


def gilbert(loss: Loss) -> tuple[float, float]:
    """Return (p, r), the chances per packet of a burst's beginning and end, for bursts of `loss.burst` on average."""
    if loss.burst is None or loss.share >= 1:
        raise EnvironmentFault(f"no bursts can be made of {loss}", fix="use a share below 100 %, or loss without burst")
    r = 1 / loss.burst
    p = loss.share * r / (1 - loss.share)
    if p > 1:
        raise EnvironmentFault(
            f"{loss.share:.4%} cannot be lost in bursts of {loss.burst:g} packets on average",
            fix=f"use bursts of at least {loss.share / (1 - loss.share):.2f}",
        )
    return p, r


def _loss_options(loss: Loss | None) -> Argv:
    if loss is None or loss.burst is None:
        return ("loss", "random", percent(loss.share if loss else 0.0))
    return ("loss", "gemodel", *(percent(chance) for chance in gilbert(loss)))


def _chosen(device: str, only: Only) -> tuple[Argv, ...]:
    """Return the filters that choose what is impaired: all of IPv4, or only RTP (IP headers without options).

    RTP and RTCP begin with 128…191 (RFC 7983); RTCP's second byte is 192…223 (RFC 5761).
    """
    add = ("filter", "add", "dev", device, "parent", ROOT, "protocol", "ip")
    if only == "all":
        return ((*add, "prio", "20", "u32", "match", "u32", "0", "0", "flowid", "1:2"),)
    media = ("u32", *_UDP_WITHOUT_OPTIONS, "match", "u8", "0x80", "0xc0", "at", "28")
    rtcp = ("match", "u8", "0xc0", "0xe0", "at", "29")
    return (
        (*add, "prio", "10", *media, *rtcp, "flowid", "1:1"),
        (*add, "prio", "20", *media, "flowid", "1:2"),
    )


def chosen(only: Only) -> tuple[str, ...]:
    """Return "preference class" of the filters that choose what is impaired."""
    return ("10 1:1", "20 1:2") if only == "rtp" else ("20 1:2",)


def blocks(asked: Impairment) -> tuple[int, ...]:
    """Return the preferences of the filters that send packets into the dropping band."""
    everything = (1,) if asked.outage else ()
    return (*everything, *sorted(_BLOCK_PREFERENCE[protocol] for protocol in asked.block))


_BLOCK_PREFERENCE: dict[str, int] = {"udp": 2, "tcp": 3}
_BLOCK_MATCH: dict[int, Argv] = {
    1: ("match", "u32", "0", "0"),
    2: ("match", "u8", "0x11", "0xff", "at", "9"),
    3: ("match", "u8", "0x06", "0xff", "at", "9"),
}


def _block_filter(device: str, verb: Literal["add", "del"], pref: int) -> Argv:
    which = ("filter", verb, "dev", device, "parent", ROOT, "protocol", "ip", "prio", str(pref))
    return which if verb == "del" else (*which, "u32", *_BLOCK_MATCH[pref], "flowid", "1:3")


def percent(share: float) -> str:
    """Return a share (0..1) as tc's percentage, finer than the 2⁻³² that the kernel keeps."""
    return f"{number(share * 100, 10)}%"


def number(value: float, digits: int = 6) -> str:
    """Return `value` in plain decimals, without trailing zeros."""
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")
