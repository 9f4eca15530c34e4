"""What a scenario will probably do, computed before anything is started: the numbers of `lab plan`.

Law: planning only. Each figure names its formula, and no verdict is ever made from it; the ledger replays what
really happened instead.

* Residual: independent loss p leaves p^(d+1), bursts of B leave p(1-1/B)^d, where d is how many later packets
  repair a frame. With RED it is 1 until the sender hears of loss, then 2 (in-band FEC inside the copy, measured);
  without RED 0, then 1. The server passes no loss of the downlink on, so there d stays what it was. A run measures
  both times together, and when the sender hears of it is chance (measured: after 10 to 90 % of 8 s): what is
  predicted of a rate lies between the two. Drops of a full queue are taken as independent and equal for all sizes;
  small packets fit where large ones do not and drops of a call alone come evenly spaced, so there the figures are
  upper bounds and nothing is said of the least.
* Concealed is what does not arrive: drops, late audio, and a packet filter. What a client does not push, or read, is
  not (measured: 0 to 0.4 % of the samples where 8 to 27 % of the audio went).
* Late: where the delay rises, the listener's buffer has nothing to play until the next frame comes, and makes up as
  much sound (measured: 1150 ms for rises of 1000 ms, 180 ms for a queue of 200 ms). Where it falls nothing is missing.
  What jitter adds depends on how the buffer grows with it, and is not predicted.
* How long decides a rate is not predicted either: it goes with 1/(p-L)^2, and with how damage hangs together. Set
  beside what recordings of 8 s needed, such a figure was up to 130 times too short (an outage) and 40 times too long.
  The judge says what is needed, and `--until-decided` waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from lab.scenario.expectations import ANSWERS
from lab.scenario.injected import filtered, injected
from lab.scenario.metrics import metric
from lab.scenario.model import Expectation, Scenario
from lab.scenario.untold import unpredicted, untold
from lab.scenario.wire import Load, Wire, loads, pairs, wire


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What one subscriber probably misses of one publisher, as shares of the media.

    Packets lost on the way and on each link; frames beyond repair before the sender hears of loss
    (`frame_loss_first`) and after (`frame_loss`), all of them at most where a queue is full (`queued`); what is made up
    while audio comes later than before (`late`); audio that the scenario's own faults take away, before the sender
    hears of a loss (`injected_first`) and after (`injected`). `untold` is what else is at work, `unpredicted` why none
    of these figures is that of a run.
    """

    publisher: str
    subscriber: str
    packet_loss: float
    uplink_loss: float
    downlink_loss: float
    frame_loss_first: float
    frame_loss: float
    queued: bool
    late: float
    jittered: bool
    injected_first: float
    injected: float
    untold: tuple[str, ...]
    unpredicted: str


@dataclass(frozen=True, kw_only=True)
class Span:
    """From how little to how much a rate will probably be; `least` None: nobody can say."""

    least: float | None
    most: float


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What one expectation about a rate will probably meet: the rate, `network` too where that is in its limit.

    `untold` is what else is at work.
    """

    publisher: str
    subscriber: str
    expectation: Expectation
    predicted: Span
    network: Span
    untold: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The stream on the wire, the load of each link, what each flow loses, what each expectation will meet."""

    wire: Wire
    loads: tuple[Load, ...]
    flows: tuple[Flow, ...]
    forecasts: tuple[Forecast, ...]


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """A part of the media in which nothing changes; `again` is the chance that the next packet is lost too."""

    length_ms: int
    uplink: float
    downlink: float
    burst: float | None
    delay_ms: float

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
    forecasts = tuple(forecast for flow in flows for forecast in _forecasts(scenario, flow))
    return Budget(wire=wire(scenario.media), loads=offered, flows=flows, forecasts=forecasts)


def _flow(scenario: Scenario, offered: tuple[Load, ...], publisher: str, subscriber: str) -> Flow:
    here = [load for load in offered if (load.client, load.direction) in ((publisher, "up"), (subscriber, "down"))]
    stretches = list(_stretches(here, scenario.media.duration_ms))
    repairs = 1 if scenario.media.red else 0
    jittered = any(load.jitter_ms for load in here)

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
        queued=any(load.queue for load in here),
        late=_late_ms(stretches, scenario) / scenario.media.duration_ms,
        jittered=jittered,
        injected_first=injected(scenario, publisher, subscriber, repairs),
        injected=injected(scenario, publisher, subscriber, repairs + 1),
        untold=untold("audio_loss", scenario, publisher, subscriber, jittered=False),
        unpredicted=unpredicted(scenario, publisher, subscriber),
    )


def _late_ms(stretches: list[_Stretch], scenario: Scenario) -> float:
    """Return by how much the delay rises in all; the clean control had none, or with `from_start` the first."""
    late_ms, left_ms = 0.0, scenario.media.duration_ms
    before_ms = stretches[0].delay_ms if scenario.impair == "from_start" else 0.0
    for each in stretches:
        if each.lost < 1:
            late_ms += min(max(0.0, each.delay_ms - before_ms), left_ms)
            before_ms = each.delay_ms
        left_ms -= each.length_ms
    return late_ms


def _stretches(here: list[Load], end_ms: int) -> Iterator[_Stretch]:
    for from_ms, to_ms in pairwise(sorted({0, end_ms, *(load.from_ms for load in here)})):
        now = [load for load in here if load.from_ms <= from_ms < load.to_ms]
        yield _Stretch(
            length_ms=to_ms - from_ms,
            uplink=next((load.loss for load in now if load.direction == "up"), 0.0),
            downlink=next((load.loss for load in now if load.direction == "down"), 0.0),
            burst=max((load.burst for load in now if load.burst), default=None),
            delay_ms=sum(load.delay_ms for load in now),
        )


def _forecasts(scenario: Scenario, flow: Flow) -> Iterator[Forecast]:
    for expected in scenario.expect if not flow.unpredicted else ():
        if expected.metric in ANSWERS or metric(expected.metric).kind != "rate":
            continue
        rates = _rates(scenario, flow)
        if expected.metric in rates:
            ends = (flow.publisher, flow.subscriber)
            yield Forecast(
                publisher=flow.publisher,
                subscriber=flow.subscriber,
                expectation=expected,
                predicted=rates[expected.metric],
                network=rates["network_loss"],
                untold=untold(expected.metric, scenario, *ends, jittered=flow.jittered),
            )


def _rates(scenario: Scenario, flow: Flow) -> Mapping[str, Span]:
    """Return what drops, delay and faults make of each rate that they tell, by name."""
    first, after = flow.frame_loss_first + flow.late, flow.frame_loss + flow.late
    repairs = 1 if scenario.media.red else 0

    def span(least: float, most: float) -> Span:
        return Span(least=None if flow.queued else least, most=most)

    return {
        "audio_loss": span(after + flow.injected, first + flow.injected_first),
        "concealed": span(after + filtered(scenario, repairs + 1), first + filtered(scenario, repairs)),
        "network_loss": span(after, first),
        "code_loss": Span(least=flow.injected, most=flow.injected_first),
        "uplink_loss": span(flow.uplink_loss, flow.uplink_loss),
        "downlink_loss": span(flow.downlink_loss, flow.downlink_loss),
        "server_loss": Span(least=filtered(scenario), most=filtered(scenario)),
    }
