"""What can be wrong with programs, their machines and the server."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.accuracy.effects import (
    Measure,
    cut_off,
    dragged,
    dulled,
    felt,
    frozen,
    harmless,
    muted,
    overflowed,
    paused,
    refused,
    unbuffered,
    unforwarded,
    unheard,
    unpushed,
)
from tests.accuracy.fault import Fault, Fragment, Strength
from tests.accuracy.log import PUBLISHER, SUBSCRIBER

_CLIENTS = {PUBLISHER: {"role": PUBLISHER}, SUBSCRIBER: {"role": SUBSCRIBER}}


def _pauses(dice: Random, media_ms: int) -> Strength:
    """Return one to four pauses, each longer than what is pushed ahead."""
    return {"times": dice.randint(1, 4), "length_ms": dice.uniform(0.025, 0.06) * media_ms}


def _sender(name: str, kind: str, reason: str, measure: Measure, owner: str = "CODE/client") -> Fault:
    """Return a sender that does something wrong for a while, several times."""
    return Fault(
        name=f"sender-{name}", owners=(owner,), hops=("push",), reasons=(reason,), draw=_pauses, measure=measure,
        scenario=lambda s: _inject(kind, length=f"{s['length_ms']:.0f}ms", times=int(s["times"])),
    )  # fmt: skip


def _skips() -> Fault:
    return Fault(
        name="sender-skips", owners=("CODE/client",), hops=("push",), reasons=("frames-dropped",),
        draw=lambda dice, media_ms: {"every": dice.randint(5, 40)},
        scenario=lambda s: _inject("skip", every=int(s["every"])),
        measure=unpushed("skip"),
    )  # fmt: skip


def _bursty_backend() -> Fault:
    return Fault(
        name="sender-bursty-backend", owners=("CODE/backend",), hops=("push",), reasons=("backend-bursty",),
        draw=lambda dice, media_ms: {"every_ms": 20 * dice.randint(40, 80), "gap_ms": dice.uniform(120, 250)},
        scenario=lambda s: _inject("backend_bursts", every=f"{s['every_ms']:.0f}ms", gap=f"{s['gap_ms']:.0f}ms"),
        measure=paused("backend_bursts"),
    )  # fmt: skip


def _slow_script() -> Fault:
    return Fault(
        name="sender-slow", owners=("CODE/client",), hops=("push",), reasons=("script-slow",),
        draw=lambda dice, media_ms: {"per_frame_ms": dice.uniform(21, 25)},
        scenario=lambda s: _inject("slow", per_frame=f"{s['per_frame_ms']:.1f}ms"), measure=dragged,
    )  # fmt: skip


def _refused() -> Fault:
    return Fault(
        name="sender-overlaps", owners=("CODE/client",), hops=("push",), reasons=("push-refused",),
        draw=lambda dice, media_ms: {"times": dice.randint(1, 3), "length_ms": 20 * dice.randint(20, 40)},
        scenario=lambda s: _inject("overlap", length=f"{s['length_ms']:.0f}ms", times=int(s["times"])),
        measure=refused,
    )  # fmt: skip


def _mutes() -> Fault:
    """Return a program that mutes its track while audio of its own is still on its way."""

    def draw(dice: Random, media_ms: int) -> Strength:
        return {"times": dice.randint(2, 5), "length_ms": dice.uniform(0.025, 0.06) * media_ms, "ahead_ms": 160}

    def scenario(s: Strength) -> Fragment:
        ahead = {"clients": {**_CLIENTS, PUBLISHER: {"role": PUBLISHER, "ahead": f"{s['ahead_ms']}ms"}}}
        return {**_inject("mute", length=f"{s['length_ms']:.0f}ms", times=int(s["times"])), **ahead}

    return Fault(
        name="sender-mutes", owners=("CODE/client",), hops=("send", "server"), reasons=("muted",), draw=draw,
        scenario=scenario, measure=muted,
    )  # fmt: skip


def _lead_too_short() -> Fault:
    """Return long pushes without a lead: each that comes a moment late leaves a hole."""

    def scenario(s: Strength) -> Fragment:
        return {
            "media": {"frame": "100ms"}, "clients": {**_CLIENTS, PUBLISHER: {"role": PUBLISHER, "ahead": "0ms"}},
            **_inject("stall", length=f"{s['length_ms']:.0f}ms", times=int(s["times"])),
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


def _frozen_sender() -> Fault:
    return Fault(
        name="sender-frozen", owners=("CODE/client-host",), hops=("push", "send"), reasons=("host-paused",),
        draw=_pauses, measure=frozen(PUBLISHER),
        scenario=lambda s: {
            "inject": [{"pause": {
                "container": PUBLISHER, "length": f"{s['length_ms']:.0f}ms", "times": int(s["times"])
            }}]
        },
    )  # fmt: skip


def _throttled_sender() -> Fault:
    return Fault(
        name="sender-throttled", owners=("CODE/client-host",), hops=("push", "send"), reasons=("host-throttled",),
        soft=True, draw=lambda dice, media_ms: {"cpus": dice.uniform(0.02, 0.06)}, measure=dulled,
        scenario=lambda s: {"clients": {**_CLIENTS, PUBLISHER: {
            "role": "publisher", "after_join": {"cpus": round(s["cpus"], 3)}
        }}},
    )  # fmt: skip


def _throttled_listener() -> Fault:
    return Fault(
        name="listener-throttled", owners=("CODE/client-host",), hops=("playout",), reasons=("host-throttled",),
        soft=True, draw=lambda dice, media_ms: {"cpus": dice.uniform(0.02, 0.06)}, measure=felt,
        scenario=lambda s: {"clients": {**_CLIENTS, SUBSCRIBER: {
            "role": "subscriber", "after_join": {"cpus": round(s["cpus"], 3)}
        }}},
    )  # fmt: skip


def _listener(name: str, kind: str, reason: str, hop: str, slack_ms: float) -> Fault:
    """Return a listener that misses a part of the media."""
    return Fault(
        name=f"listener-{name}", owners=("CODE/client",), hops=(hop,), reasons=(reason,),
        draw=lambda dice, media_ms: {"by_ms": dice.uniform(0.05, 0.2) * media_ms},
        scenario=lambda s: _inject(kind, SUBSCRIBER, by=f"{s['by_ms']:.0f}ms"), measure=unheard(kind, slack_ms),
    )  # fmt: skip


def _slow_reader() -> Fault:
    return Fault(
        name="listener-slow", owners=("CODE/client",), hops=("read",), reasons=("reader-slow",),
        draw=lambda dice, media_ms: {"per_frame_ms": dice.uniform(11, 15), "capacity_ms": 10 * dice.randint(5, 20)},
        scenario=lambda s: _inject(
            "slow_reader", SUBSCRIBER, per_frame=f"{s['per_frame_ms']:.1f}ms", capacity=f"{s['capacity_ms']:.0f}ms"
        ),
        measure=overflowed,
    )  # fmt: skip


def _server_throttled() -> Fault:
    return Fault(
        name="server-throttled", owners=("CODE/load",), hops=("server",), reasons=("server-throttled",), soft=True,
        draw=lambda dice, media_ms: {"cpus": dice.uniform(0.01, 0.015)},
        scenario=lambda s: {"server": {"after_join": {"cpus": round(s["cpus"], 3)}}},
        measure=felt,
    )  # fmt: skip


def _server_paused() -> Fault:
    return Fault(
        name="server-paused", owners=("CODE/server", "CODE/load"), hops=("server",), reasons=("not-forwarded",),
        soft=True, draw=_pauses, measure=felt,
        scenario=lambda s: {"inject": [{"pause": {
            "container": "server", "length": f"{s['length_ms']:.0f}ms", "times": int(s["times"])
        }}]},
    )  # fmt: skip


def _server_crowded() -> Fault:
    return Fault(
        name="server-crowded", owners=("CODE/load",), hops=("server",), reasons=("server-crowded",),
        soft=True, draw=lambda dice, media_ms: {"cpus": dice.uniform(0.06, 0.1)}, measure=felt,
        scenario=lambda s: {"server": {
            "after_join": {"cpus": round(s["cpus"], 3)},
            "crowd": {"publishers": 4, "subscribers": 4, "camera": True},
        }},
    )  # fmt: skip


def _server_buffer() -> Fault:
    """Return a receive buffer that cannot hold what comes while the server is busy elsewhere for a moment."""
    return Fault(
        name="server-buffer", owners=("CODE/server",), hops=("server",), reasons=("socket-buffer",), soft=True,
        draw=lambda dice, media_ms: {"length_ms": dice.uniform(55, 80), "times": media_ms * dice.uniform(0.003, 0.005)},
        measure=unforwarded,
        scenario=lambda s: {
            "server": {"crowd": {"publishers": 3, "subscribers": 1}},
            "inject": [
                {"socket_buffer": {"size": "1B"}},
                {"pause": {"container": "server", "length": f"{s['length_ms']:.0f}ms", "times": int(s["times"])}},
            ],
        },
    )  # fmt: skip


def _wrong_address() -> Fault:
    return Fault(
        name="wrong-address", owners=("CODE/config",), hops=("connect",), reasons=("wrong-address",), soft=True,
        draw=lambda dice, media_ms: {"host": dice.randint(1, 254)}, measure=cut_off,
        scenario=lambda s: {
            "impair": "from_start", "server": {"config": {"rtc": {"node_ip": f"198.51.100.{s['host']:.0f}"}}}
        },
    )  # fmt: skip


def _over_tcp() -> Fault:
    rtc = {"tcp_port": 7881, "allow_tcp_fallback": True, "force_tcp": True}
    return Fault(
        name="media-over-tcp", owners=("CODE/config",), hops=("connect",), reasons=("media-over-tcp",), soft=True,
        draw=lambda dice, media_ms: {"delay_ms": dice.uniform(40, 90), "loss": dice.uniform(3, 8)}, measure=felt,
        scenario=lambda s: {
            "links": {PUBLISHER: {
                "up": {"delay": f"{s['delay_ms']:.0f}ms", "loss": f"{s['loss']:.1f}%"},
                "down": {"delay": f"{s['delay_ms']:.0f}ms"},
            }},
            "server": {"config": {"rtc": rtc}},
        },
    )  # fmt: skip


def _server_filter() -> Fault:
    """Return a filter in front of the server that drops some packets in a row now and then."""
    return Fault(
        name="server-filter", owners=("CODE/server",), hops=("server",), reasons=("packet-filter",),
        draw=lambda dice, media_ms: {"drop": dice.randint(3, 8), "every": dice.randint(40, 120)},
        scenario=lambda s: {"inject": [{"filter": {"drop": int(s["drop"]), "every": int(s["every"])}}]},
        measure=unforwarded,
    )  # fmt: skip


def _inject(kind: str, client: str = PUBLISHER, **written: Any) -> Fragment:
    return {"inject": [{kind: {"client": client, **written}}]}


CODE_FAULTS: tuple[Fault, ...] = (
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
    _frozen_sender(),
    _throttled_sender(),
    _throttled_listener(),
    _listener("late", "subscribe_late", "subscribed-late", "server", 400.0),
    _listener("leaves-early", "cut_end", "end-cut", "read", 200.0),
    _slow_reader(),
    _server_throttled(),
    _server_filter(),
    _server_paused(),
    _server_crowded(),
    _server_buffer(),
    _wrong_address(),
    _over_tcp(),
)
