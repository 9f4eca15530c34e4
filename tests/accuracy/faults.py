"""The closed list of faults: what a scenario says to put one in, whose it is, and how its log tells what it cost.

Law: a fault's owner, hop and reason are known because it is the one that was put in; how strong it is, is drawn; how
much it cost is measured afterwards. To add one, add an entry: name, owner, hop, reasons, what to draw, what to write
into the scenario, and the measure (`effects`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.accuracy.effects import Measure, felt, paused, queued, swallowed, unpushed
from tests.accuracy.log import PUBLISHER, SUBSCRIBER

Strength = Mapping[str, float]
Fragment = dict[str, Any]
CLIENTS = {"up": PUBLISHER, "down": SUBSCRIBER}
LINKS = {"up": "uplink", "down": "downlink"}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault. Of `owners`, `hops` and `reasons` any is right: what the lab calls the same thing.

    `soft`: its cost is only felt, not counted, so that it is never put in together with another.
    """

    name: str
    owners: tuple[str, ...]
    hops: tuple[str, ...]
    reasons: tuple[str, ...]
    draw: Callable[[Random, int], Strength]
    scenario: Callable[[Strength], Fragment]
    measure: Measure
    soft: bool = False

    @property
    def network(self) -> bool:
        """Whether it is the network's."""
        return self.owners[0].startswith("NETWORK/")


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


def _congestion(way: str) -> Fault:
    """Return a crowd that fills the queue of a link that carries the call easily (about 130 kbit/s)."""

    def draw(dice: Random, media_ms: int) -> Strength:
        return {"rate_kbit": dice.uniform(350, 600), "over": dice.uniform(1.25, 1.8), "queue_ms": dice.uniform(60, 200)}

    def scenario(s: Strength) -> Fragment:
        others = s["rate_kbit"] * s["over"] - 130
        return _link(way, {
            "rate": f"{s['rate_kbit']:.0f}kbit", "queue": f"{s['queue_ms']:.0f}ms",
            "background": {"rate": f"{others:.0f}kbit", "pattern": "poisson"},
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
        draw=lambda dice, media_ms: {"jitter_ms": dice.uniform(20, 60)},
        scenario=lambda s: _link(
            way, {"delay": f"{2 * s['jitter_ms']:.0f}ms", "jitter": f"{s['jitter_ms']:.0f}ms", "order": "free"}
        ),
    )  # fmt: skip


def _corrupt(way: str) -> Fault:
    return _on(
        way, "corrupt", "corrupt", measure=swallowed(way),
        draw=lambda dice, media_ms: {"corrupt": dice.uniform(30, 50)},
        scenario=lambda s: _link(way, {"corrupt": _percent(s["corrupt"])}),
    )  # fmt: skip


def _stall() -> Fault:
    """Return a program that does nothing for a while, several times; its event loop is free."""

    def draw(dice: Random, media_ms: int) -> Strength:
        return {"times": dice.randint(1, 4), "length_ms": dice.uniform(0.025, 0.06) * media_ms}

    return Fault(
        name="sender-stalls", owners=("CODE/client",), hops=("push",), reasons=("script-slow",), draw=draw,
        scenario=lambda s: _inject("stall", length=f"{s['length_ms']:.0f}ms", times=int(s["times"])),
        measure=paused("stall"),
    )  # fmt: skip


def _skip() -> Fault:
    return Fault(
        name="sender-skips", owners=("CODE/client",), hops=("push",), reasons=("frames-dropped",),
        draw=lambda dice, media_ms: {"every": dice.randint(5, 40)},
        scenario=lambda s: _inject("skip", every=int(s["every"])),
        measure=unpushed("skip"),
    )  # fmt: skip


def _server_throttled() -> Fault:
    return Fault(
        name="server-throttled", owners=("CODE/load",), hops=("server",), reasons=("server-throttled",), soft=True,
        draw=lambda dice, media_ms: {"cpus": dice.uniform(0.01, 0.02)},
        scenario=lambda s: {"server": {"after_join": {"cpus": round(s["cpus"], 3)}}},
        measure=felt,
    )  # fmt: skip


def _inject(kind: str, **written: Any) -> Fragment:
    return {"inject": [{kind: {"client": PUBLISHER, **written}}]}


_LINK_FAULTS = (
    _random_loss, _burst_loss, _red_off, _outage, _congestion, _own_rate, _latency, _jitter, _corrupt
)  # fmt: skip
FAULTS: tuple[Fault, ...] = (
    *(make(way) for make in _LINK_FAULTS for way in ("up", "down")),
    _stall(),
    _skip(),
    _server_throttled(),
)


def fault(name: str) -> Fault:
    """Return the fault called `name`; KeyError when there is none."""
    return {each.name: each for each in FAULTS}[name]
