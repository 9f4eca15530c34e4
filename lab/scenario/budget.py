"""What a scenario will probably do, computed before anything is started: the numbers of `lab plan`.

Law: planning only. Each figure names its formula, and no verdict is ever made from it; the ledger replays what
really happened instead.

* Residual: independent loss p leaves p^(d+1), bursts of B leave p(1-1/B)^d, where d is how many later packets
  repair a frame. With RED it is 1 until the sender hears of loss, then 2 (in-band FEC inside the copy, measured);
  without RED 0, then 1. The server passes no loss of the downlink on, so there d stays what it was. Drops of a
  full queue are taken as independent and equal for all sizes; small packets fit where large ones do not and drops
  of a call alone come evenly spaced, so there the figures are upper bounds.
* Seconds: the 95 % Wilson interval around p excludes the limit L once n >= z^2 L(1-L)/(p-L)^2 frames were seen,
  times (1+rho)/(1-rho) when losses come in bursts, rho = 1 - 1/(B(1-p)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from lab.scenario.expectations import ANSWERS
from lab.scenario.injected import injected
from lab.scenario.metrics import metric
from lab.scenario.model import Expectation, Scenario
from lab.scenario.wire import PACKETS_PER_SECOND, Load, Wire, loads, pairs, wire

_Z = 1.959964


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What one subscriber probably misses of one publisher, as shares of the media.

    Packets lost on the way and on each link; frames beyond repair before the sender hears of loss
    (`frame_loss_first`) and after (`frame_loss`); audio that the scenario's own faults take away (`injected`).
    """

    publisher: str
    subscriber: str
    packet_loss: float
    uplink_loss: float
    downlink_loss: float
    frame_loss_first: float
    frame_loss: float
    injected: float
    burst: float | None


@dataclass(frozen=True, kw_only=True)
class Need:
    """How many seconds of media one expectation about a rate probably needs; None: no amount decides it."""

    publisher: str
    subscriber: str
    expectation: Expectation
    predicted: float
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The stream on the wire, the load of each link, what each flow loses, what each expectation needs."""

    wire: Wire
    loads: tuple[Load, ...]
    flows: tuple[Flow, ...]
    needs: tuple[Need, ...]


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """A part of the media in which nothing changes; `again` is the chance that the next packet is lost too."""

    length_ms: int
    uplink: float
    downlink: float
    burst: float | None

    @property
    def lost(self) -> float:
        return 1 - (1 - self.uplink) * (1 - self.downlink)

    def residual(self, repairs: int, *, reported: bool) -> float:
        repairs += reported and self.uplink > 0
        again = max(self.lost, 1 - 1 / self.burst) if self.burst else self.lost
        return float(self.lost * again**repairs)


def budget(scenario: Scenario) -> Budget:
    """Return the budget of `scenario`."""
    offered = tuple(loads(scenario))
    flows = tuple(_flow(scenario, offered, *pair) for pair in pairs(scenario))
    needs = tuple(need for flow in flows for need in _needs(scenario, flow))
    return Budget(wire=wire(scenario.media), loads=offered, flows=flows, needs=needs)


def seconds_needed(predicted: float, limit: float, burst: float | None = None) -> float | None:
    """Return the seconds of media after which a 95 % interval around `predicted` excludes `limit`.

    None when they are equal. Both are shares 0..1; `burst` is the mean number of losses in a row.
    """
    if predicted == limit:
        return None
    spread = limit * (1 - limit) or predicted * (1 - predicted)
    frames = _Z**2 * spread / (predicted - limit) ** 2 * _burst_factor(predicted, burst)
    return max(1.0, frames) / PACKETS_PER_SECOND


def _burst_factor(share: float, burst: float | None) -> float:
    if burst is None or share >= 1:
        return 1.0
    rho = max(0.0, 1 - 1 / (burst * (1 - share)))
    return (1 + rho) / (1 - rho)


def _flow(scenario: Scenario, offered: tuple[Load, ...], publisher: str, subscriber: str) -> Flow:
    here = [load for load in offered if (load.client, load.direction) in ((publisher, "up"), (subscriber, "down"))]
    stretches = list(_stretches(here, scenario.media.duration_ms))
    repairs = 1 if scenario.media.red else 0

    def mean(figure: Callable[[_Stretch], float]) -> float:
        return sum(each.length_ms * figure(each) for each in stretches) / scenario.media.duration_ms

    return Flow(
        publisher=publisher,
        subscriber=subscriber,
        packet_loss=mean(lambda each: each.lost),
        uplink_loss=mean(lambda each: each.uplink),
        downlink_loss=mean(lambda each: each.downlink),
        frame_loss_first=mean(lambda each: each.residual(repairs, reported=False)),
        frame_loss=mean(lambda each: each.residual(repairs, reported=True)),
        injected=injected(scenario, publisher, subscriber),
        burst=max((load.burst for load in here if load.burst), default=None),
    )


def _stretches(here: list[Load], end_ms: int) -> Iterator[_Stretch]:
    for from_ms, to_ms in pairwise(sorted({0, end_ms, *(load.from_ms for load in here)})):
        now = [load for load in here if load.from_ms <= from_ms < load.to_ms]
        yield _Stretch(
            length_ms=to_ms - from_ms,
            uplink=next((load.loss for load in now if load.direction == "up"), 0.0),
            downlink=next((load.loss for load in now if load.direction == "down"), 0.0),
            burst=max((load.burst for load in now if load.burst), default=None),
        )


def _needs(scenario: Scenario, flow: Flow) -> Iterator[Need]:
    for expected in scenario.expect:
        if expected.metric in ANSWERS or metric(expected.metric).kind != "rate":
            continue
        predicted = _predicted(expected.metric, flow)
        if predicted is None:
            continue
        excess = predicted - flow.frame_loss if expected.relative else predicted
        yield Need(
            publisher=flow.publisher,
            subscriber=flow.subscriber,
            expectation=expected,
            predicted=predicted,
            seconds=seconds_needed(max(0.0, excess), expected.limit, None if expected.relative else flow.burst),
        )


def _predicted(name: str, flow: Flow) -> float | None:
    """Return what drops and faults make of the rate called `name`; None where they do not tell."""
    return {
        "audio_loss": flow.frame_loss + flow.injected,
        "concealed": flow.frame_loss + flow.injected,
        "network_loss": flow.frame_loss,
        "code_loss": flow.injected,
        "uplink_loss": flow.uplink_loss,
        "downlink_loss": flow.downlink_loss,
        "server_loss": 0.0,
    }.get(name)
