"""What can be wrong with the programs that send and listen."""

from __future__ import annotations

from random import Random

from tests.accuracy.effects import (
    Measure,
    dragged,
    harmless,
    muted,
    overflowed,
    paused,
    refused,
    unbuffered,
    unheard,
    unpushed,
)
from tests.accuracy.fault import Fault, Fragment, Strength
from tests.accuracy.log import PUBLISHER, SUBSCRIBER
from tests.accuracy.writing import CLIENTS, inject, pauses


def _sender(name: str, kind: str, reason: str, measure: Measure, owner: str = "CODE/client") -> Fault:
    """Return a sender that does something wrong for a while, several times."""
    return Fault(
        name=f"sender-{name}", owners=(owner,), hops=("push",), reasons=(reason,), draw=pauses, measure=measure,
        scenario=lambda s: inject(kind, length=f"{s['length_ms']:.0f}ms", times=int(s["times"])),
    )  # fmt: skip


def _skips() -> Fault:
    return Fault(
        name="sender-skips", owners=("CODE/client",), hops=("push",), reasons=("frames-dropped",),
        draw=lambda dice, media_ms: {"every": dice.randint(5, 40)},
        scenario=lambda s: inject("skip", every=int(s["every"])),
        measure=unpushed("skip"),
    )  # fmt: skip


def _bursty_backend() -> Fault:
    return Fault(
        name="sender-bursty-backend", owners=("CODE/backend",), hops=("push",), reasons=("backend-bursty",),
        draw=lambda dice, media_ms: {"every_ms": 20 * dice.randint(40, 80), "gap_ms": dice.uniform(120, 250)},
        scenario=lambda s: inject("backend_bursts", every=f"{s['every_ms']:.0f}ms", gap=f"{s['gap_ms']:.0f}ms"),
        measure=paused("backend_bursts"),
    )  # fmt: skip


def _slow_script() -> Fault:
    return Fault(
        name="sender-slow", owners=("CODE/client",), hops=("push",), reasons=("script-slow",),
        draw=lambda dice, media_ms: {"per_frame_ms": dice.uniform(21, 25)},
        scenario=lambda s: inject("slow", per_frame=f"{s['per_frame_ms']:.1f}ms"), measure=dragged,
    )  # fmt: skip


def _refused() -> Fault:
    return Fault(
        name="sender-overlaps", owners=("CODE/client",), hops=("push",), reasons=("push-refused",),
        draw=lambda dice, media_ms: {"times": dice.randint(1, 3), "length_ms": 20 * dice.randint(20, 40)},
        scenario=lambda s: inject("overlap", length=f"{s['length_ms']:.0f}ms", times=int(s["times"])),
        measure=refused,
    )  # fmt: skip


def _mutes() -> Fault:
    """Return a program that mutes its track while audio of its own is still on its way."""

    def draw(dice: Random, media_ms: int) -> Strength:
        return {"times": dice.randint(2, 5), "length_ms": dice.uniform(0.025, 0.06) * media_ms, "ahead_ms": 160}

    def scenario(s: Strength) -> Fragment:
        ahead = {"clients": {**CLIENTS, PUBLISHER: {"role": PUBLISHER, "ahead": f"{s['ahead_ms']}ms"}}}
        return {**inject("mute", length=f"{s['length_ms']:.0f}ms", times=int(s["times"])), **ahead}

    return Fault(
        name="sender-mutes", owners=("CODE/client",), hops=("send", "server"), reasons=("muted",), draw=draw,
        scenario=scenario, measure=muted,
    )  # fmt: skip


def _lead_too_short() -> Fault:
    """Return long pushes without a lead: each that comes a moment late leaves a hole."""

    def scenario(s: Strength) -> Fragment:
        return {
            "media": {"frame": "100ms"}, "clients": {**CLIENTS, PUBLISHER: {"role": PUBLISHER, "ahead": "0ms"}},
            **inject("stall", length=f"{s['length_ms']:.0f}ms", times=int(s["times"])),
        }  # fmt: skip

    return Fault(
        name="sender-lead-too-short", owners=("CODE/client",), hops=("push",), reasons=("buffer-too-small",), soft=True,
        draw=lambda dice, media_ms: {"times": media_ms * dice.uniform(0.003, 0.006), "length_ms": dice.uniform(10, 14)},
        scenario=scenario, measure=unbuffered,
    )  # fmt: skip


def _dtx() -> Fault:
    """Return speech of which the pauses are not sent, on purpose: no damage at all."""
    return Fault(
        name="sender-dtx", owners=("NONE",), hops=("none",), reasons=("none", "dtx"), soft=True,
        draw=lambda dice, media_ms: {"bitrate_kbit": dice.uniform(16, 64)}, measure=harmless,
        scenario=lambda s: {
            "media": {"audio": "speech.wav", "dtx": True, "bitrate": f"{s['bitrate_kbit']:.0f}kbit"}
        },
    )  # fmt: skip


def _listener(name: str, kind: str, reason: str, hop: str, slack_ms: float) -> Fault:
    """Return a listener that misses a part of the media."""
    return Fault(
        name=f"listener-{name}", owners=("CODE/client",), hops=(hop,), reasons=(reason,),
        draw=lambda dice, media_ms: {"by_ms": dice.uniform(0.05, 0.2) * media_ms},
        scenario=lambda s: inject(kind, SUBSCRIBER, by=f"{s['by_ms']:.0f}ms"), measure=unheard(kind, slack_ms),
    )  # fmt: skip


def _slow_reader() -> Fault:
    return Fault(
        name="listener-slow", owners=("CODE/client",), hops=("read",), reasons=("reader-slow",),
        draw=lambda dice, media_ms: {"per_frame_ms": dice.uniform(11, 15), "capacity_ms": 10 * dice.randint(5, 20)},
        scenario=lambda s: inject(
            "slow_reader", SUBSCRIBER, per_frame=f"{s['per_frame_ms']:.1f}ms", capacity=f"{s['capacity_ms']:.0f}ms"
        ),
        measure=overflowed,
    )  # fmt: skip


PROGRAM_FAULTS: tuple[Fault, ...] = (
    _sender("stalls", "stall", "script-slow", paused("stall")),
    _sender("blocks-loop", "block_loop", "loop-blocked", paused("block_loop")),
    _sender("late-backend", "backend_late", "backend-late", paused("backend_late"), "CODE/backend"),
    _bursty_backend(),
    _slow_script(),
    _skips(),
    _refused(),
    _mutes(),
    _lead_too_short(),
    _dtx(),
    _listener("late", "subscribe_late", "subscribed-late", "server", 400.0),
    _listener("leaves-early", "cut_end", "end-cut", "read", 200.0),
    _slow_reader(),
)
