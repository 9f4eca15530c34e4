"""What can be wrong with one direction of a link."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.accuracy.effects import altered, cut_off, felt, queued, swallowed
from tests.accuracy.fault import Fault, Fragment, Strength
from tests.accuracy.log import PUBLISHER, SUBSCRIBER

CLIENTS = {"up": PUBLISHER, "down": SUBSCRIBER}
LINKS = {"up": "uplink", "down": "downlink"}


def _link(way: str, state: Fragment, **beside: Any) -> Fragment:
    return {"links": {CLIENTS[way]: {way: state}}, **beside}


def _on(way: str, name: str, *reasons: str, **entry: Any) -> Fault:
    """Return a fault of one link."""
    link = LINKS[way]
    return Fault(name=f"{link}-{name}", owners=(f"NETWORK/{link}",), hops=(link,), reasons=reasons, **entry)


def _percent(value: float) -> str:
    return f"{value:.1f}%"


def _random_loss(way: str) -> Fault:
    """Return independent loss: what redundancy repairs completely, and what it does not."""

    def draw(dice: Random, media_ms: int) -> Strength:
        return {"loss": dice.uniform(1, 6) if dice.random() < 0.3 else dice.uniform(30, 50)}

    return _on(
        way, "random", "random-loss", draw=draw, measure=swallowed(way),
        scenario=lambda s: _link(way, {"loss": _percent(s["loss"])}),
    )  # fmt: skip


def _burst_loss(way: str) -> Fault:
    return _on(
        way, "burst", "burst-loss", measure=swallowed(way),
        draw=lambda dice, media_ms: {"loss": dice.uniform(10, 25), "burst": dice.uniform(4, 8)},
        scenario=lambda s: _link(way, {"loss": {"share": _percent(s["loss"]), "burst": round(s["burst"], 1)}}),
    )  # fmt: skip


def _red_off(way: str) -> Fault:
    """Return loss that one redundant copy would have repaired."""
    return _on(
        way, "red-off", "red-off", measure=swallowed(way),
        draw=lambda dice, media_ms: {"loss": dice.uniform(14, 20)},
        scenario=lambda s: _link(way, {"loss": _percent(s["loss"])}, media={"red": False}),
    )  # fmt: skip


def _outage(way: str) -> Fault:
    """Return a while in which nothing passes, once."""

    def draw(dice: Random, media_ms: int) -> Strength:
        return {"at_ms": dice.uniform(0.2, 0.6) * media_ms, "length_ms": dice.uniform(0.03, 0.2) * media_ms}

    def scenario(s: Strength) -> Fragment:
        begin, end = round(s["at_ms"]), round(s["at_ms"] + s["length_ms"])
        steps = [(begin, True), (end, False)]
        return {"timeline": [{"at": f"{at}ms", **_link(way, {"outage": down})} for at, down in steps]}

    return _on(way, "outage", "outage", draw=draw, scenario=scenario, measure=swallowed(way))


def _blocked(way: str) -> Fault:
    """Return a firewall or a NAT's lost mapping: for a while no UDP passes one way, while TCP would.

    Where no TCP tries meanwhile (it does every five seconds), that cannot be told from an outage (docs/verdicts.md).
    """

    def draw(dice: Random, media_ms: int) -> Strength:
        return {"at_ms": dice.uniform(0.1, 0.4) * media_ms, "length_ms": dice.uniform(0.1, 0.4) * media_ms}

    def scenario(s: Strength) -> Fragment:
        begin, end = round(s["at_ms"]), round(s["at_ms"] + s["length_ms"])
        steps = [(begin, ["udp"]), (end, [])]
        return {"timeline": [{"at": f"{at}ms", **_link(way, {"block": what})} for at, what in steps]}

    return _on(way, "blocked", "blocked", "outage", draw=draw, scenario=scenario, measure=swallowed(way))


def _congestion(way: str) -> Fault:
    """Return a crowd that fills the queue of a link that carries the call easily (about 130 kbit/s)."""

    def draw(dice: Random, media_ms: int) -> Strength:
        return {
            "rate_kbit": dice.uniform(350, 600), "over": dice.uniform(1.25, 1.8), "queue_ms": dice.uniform(60, 200),
            "bursts": dice.randrange(2),
        }  # fmt: skip

    def scenario(s: Strength) -> Fragment:
        others = s["rate_kbit"] * s["over"] - 130
        return _link(way, {
            "rate": f"{s['rate_kbit']:.0f}kbit", "queue": f"{s['queue_ms']:.0f}ms",
            "background": {"rate": f"{others:.0f}kbit", "pattern": "bursts" if s["bursts"] else "poisson"},
        })  # fmt: skip

    return _on(way, "congestion", "queue-full", draw=draw, scenario=scenario, measure=queued(way))


def _own_rate(way: str) -> Fault:
    """Return a link narrower than the call itself."""
    return _on(
        way, "own-rate", "own-rate", measure=queued(way),
        draw=lambda dice, media_ms: {"rate_kbit": dice.uniform(55, 90), "queue_ms": dice.uniform(230, 400)},
        scenario=lambda s: _link(way, {"rate": f"{s['rate_kbit']:.0f}kbit", "queue": f"{s['queue_ms']:.0f}ms"}),
    )  # fmt: skip


def _latency(way: str) -> Fault:
    """Return a slow link, which harms nobody who has a jitter buffer."""
    return _on(
        way, "latency", "latency", measure=felt, soft=True,
        draw=lambda dice, media_ms: {"delay_ms": dice.uniform(20, 250)},
        scenario=lambda s: _link(way, {"delay": f"{s['delay_ms']:.0f}ms"}),
    )  # fmt: skip


def _jitter(way: str) -> Fault:
    return _on(
        way, "jitter", "jitter", measure=felt, soft=True,
        draw=lambda dice, media_ms: {"jitter_ms": dice.choice([dice.uniform(10, 20), dice.uniform(60, 120)])},
        scenario=lambda s: _link(
            way, {"delay": f"{2 * s['jitter_ms']:.0f}ms", "jitter": f"{s['jitter_ms']:.0f}ms", "order": "free"}
        ),
    )  # fmt: skip


def _corrupt(way: str) -> Fault:
    return _on(
        way, "corrupt", "corrupt", measure=altered(way),
        draw=lambda dice, media_ms: {"corrupt": dice.uniform(30, 50)},
        scenario=lambda s: _link(way, {"corrupt": _percent(s["corrupt"])}),
    )  # fmt: skip


def link_faults(way: str) -> tuple[Fault, ...]:
    """Return every fault of the link of that `way`."""
    kinds = (
        _random_loss, _burst_loss, _red_off, _outage, _blocked, _congestion, _own_rate, _latency, _jitter, _corrupt
    )  # fmt: skip
    return tuple(make(way) for make in kinds)


def _connect(name: str, *protocols: str) -> Fault:
    """Return a firewall that stands in the publisher's way from the start."""
    state = {"block": list(protocols)}
    return Fault(
        name=name, owners=("NETWORK/connect",), hops=("connect",), reasons=(name,), soft=True,
        draw=lambda dice, media_ms: {"publisher": dice.randrange(2)}, measure=cut_off,
        scenario=lambda s: {"links": {PUBLISHER if s["publisher"] else SUBSCRIBER: {"up": state, "down": state}}},
    )  # fmt: skip


CONNECT_FAULTS = (_connect("udp-blocked", "udp"), _connect("all-blocked", "udp", "tcp"))
