"""What can be wrong with the machines of the clients, and with the server and its configuration."""

from __future__ import annotations

from tests.accuracy.effects import cut_off, dulled, felt, frozen, unforwarded
from tests.accuracy.fault import Fault
from tests.accuracy.log import PUBLISHER, SUBSCRIBER
from tests.accuracy.writing import CLIENTS, pauses


def _frozen_sender() -> Fault:
    return Fault(
        name="sender-frozen", owners=("CODE/client-host",), hops=("push", "send"), reasons=("host-paused",),
        draw=pauses, measure=frozen(PUBLISHER),
        scenario=lambda s: {
            "inject": [{"pause": {
                "container": PUBLISHER, "length": f"{s['length_ms']:.0f}ms", "times": int(s["times"])
            }}]
        },
    )  # fmt: skip


def _throttled_sender() -> Fault:
    return Fault(
        name="sender-throttled", owners=("CODE/client-host",), hops=("push", "send"), reasons=("host-throttled",),
        soft=True, draw=lambda dice, media_ms: {"cpus": dice.uniform(0.05, 0.08)}, measure=dulled,
        scenario=lambda s: {"clients": {**CLIENTS, PUBLISHER: {
            "role": "publisher", "after_join": {"cpus": round(s["cpus"], 3)}
        }}},
    )  # fmt: skip


def _throttled_listener() -> Fault:
    return Fault(
        name="listener-throttled", owners=("CODE/client-host",), hops=("playout",), reasons=("host-throttled",),
        soft=True, draw=lambda dice, media_ms: {"cpus": dice.uniform(0.02, 0.06)}, measure=felt,
        scenario=lambda s: {"clients": {**CLIENTS, SUBSCRIBER: {
            "role": "subscriber", "after_join": {"cpus": round(s["cpus"], 3)}
        }}},
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
        soft=True, draw=pauses, measure=felt,
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
        draw=lambda dice, media_ms: {"drop": dice.randint(4, 8), "every": dice.randint(30, 70)},
        scenario=lambda s: {"inject": [{"filter": {"drop": int(s["drop"]), "every": int(s["every"])}}]},
        measure=unforwarded,
    )  # fmt: skip


MACHINE_FAULTS: tuple[Fault, ...] = (
    _frozen_sender(),
    _throttled_sender(),
    _throttled_listener(),
    _server_throttled(),
    _server_filter(),
    _server_paused(),
    _server_crowded(),
    _server_buffer(),
    _wrong_address(),
    _over_tcp(),
)
