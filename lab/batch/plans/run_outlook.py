"""What a run of a scenario would do, told before anything is done: topology, `tc`, what is on the wire, what is lost.

Law: nothing is touched; the commands are those that a run would give, in their order.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from lab.report.plain import clean
from lab.rig.bump.tc import change_argv, seed_for, setup_argv
from lab.rig.layout.topology import Topology, topology
from lab.scenario.budget import Budget, Flow, Forecast, Span, budget
from lab.scenario.dump import dump
from lab.scenario.model import Impairment, Scenario


def run_outlook(scenario: Scenario) -> Iterator[str]:
    """Yield the lines of the text."""
    media = scenario.media
    times = f"{media.duration_ms / 1000:g} s of media, {media.whole_ms / 1000:g} s in all"
    yield f"{scenario.name}   {times}   seed {scenario.seed}"
    if scenario.description:
        yield from map(clean, scenario.description.strip().splitlines())
    layout = topology(scenario)
    for title, lines in (
        ("scenario, resolved", dump(scenario).splitlines()),
        ("topology", _topology(layout)),
        ("tc", _tc(scenario, layout)),
        ("on the wire", _wire(budget(scenario))),
        ("predicted", _predicted(budget(scenario))),
    ):
        yield f"\n{title}"
        yield from (f"  {line}" for line in lines)


def _topology(layout: Topology) -> Iterator[str]:
    yield f"router      {'  '.join(f'{s.name} {s.router_ip}' for s in layout.segments)}"
    for node in layout.nodes:
        bumped = next(
            (f"  behind {b.device('up')}/{b.device('down')}" for b in layout.links if b.segment == node.segment), ""
        )
        yield f"{node.name:<11} {node.ip} on {node.segment.name}{bumped}"


def _tc(scenario: Scenario, layout: Topology) -> Iterator[str]:
    """Yield every tc command in the order in which it would run."""
    devices = {(link.client, way): link.device(way) for link in layout.links for way in ("up", "down")}
    state = dict.fromkeys(devices, Impairment())
    for device in devices.values():
        yield from map(shlex.join, setup_argv(device, scenario.impair_only, seed=1))
    yield "# " + ("before anybody joins" if scenario.impair == "from_start" else "after settle and clean control")
    for link in scenario.links:
        for way, asked in (("up", link.up), ("down", link.down)):
            key = (link.client, way)
            seed = seed_for(scenario.seed, link.client, way, "impair")  # type: ignore[arg-type]
            yield from map(shlex.join, change_argv(devices[key], state[key], asked, seed))
            state[key] = asked
    for number, change in enumerate(scenario.timeline, 1):
        key = (change.client, change.direction)
        yield f"# at {change.at_ms / 1000:g} s of the media"
        seed = seed_for(scenario.seed, change.client, change.direction, f"change-{number}")
        yield from map(shlex.join, change_argv(devices[key], state[key], change.impairment, seed))
        state[key] = change.impairment


def _wire(planned: Budget) -> Iterator[str]:
    wire = planned.wire
    yield f"one stream: {wire.packet_bytes} bytes a packet, {_kbit(wire.up_bps)} up, {_kbit(wire.down_bps)} down"
    for each in planned.loads:
        offered = each.own_bps + each.background_bps
        rate = "no limit" if each.rate_bps is None else _kbit(each.rate_bps)
        yield (
            f"{each.client} {each.direction} {each.from_ms / 1000:g} to {each.to_ms / 1000:g} s: "
            f"own {_kbit(each.own_bps)} + background {_kbit(each.background_bps)} = {_kbit(offered)}, link {rate}; "
            f"lost {each.loss:.1%} (random {each.random:.1%}, queue {each.queue:.1%})"
        )
        if each.rate_bps is not None and each.own_bps > each.rate_bps:
            yield "  the stream alone is more than the link carries: configuration, not congestion"


def _kbit(bps: int) -> str:
    return f"{bps / 1000:.1f} kbit/s"


def _predicted(planned: Budget) -> Iterator[str]:
    for flow in planned.flows:
        yield f"{flow.publisher} → {flow.subscriber}: {flow.unpredicted or _lost(flow)}"
    for each in planned.forecasts:
        expected = each.expectation
        limit = f"{'network + ' if expected.relative else ''}{expected.limit:.2%}"
        network = f", network {_span(each.network)}" if expected.relative else ""
        told = f"{_span(each.predicted)} predicted{network}{_beside(each.untold)}"
        yield f"{_whose(each, planned)}{expected.metric} {expected.op} {limit}: {told}"


def _lost(flow: Flow) -> str:
    most = "at most " * flow.queued
    taken = _span(Span(least=flow.injected, most=flow.injected_first))
    return (
        f"packets lost {most}{flow.packet_loss:.2%}; frames beyond repair: {most}{flow.frame_loss_first:.2%} before "
        f"loss is reported, {most}{flow.frame_loss:.2%} after; late {flow.late:.2%}"
        f"{_beside(('jitter',) * flow.jittered)}; faults take {taken}{_beside(flow.untold)}"
    )


def _whose(each: Forecast, planned: Budget) -> str:
    """Return which flow a forecast is of, where there are several."""
    return f"{each.publisher} → {each.subscriber}: " if len(planned.flows) > 1 else ""


def _span(span: Span) -> str:
    least, most = (None if end is None else f"{end:.2%}" for end in (span.least, span.most))
    if least is None:
        return f"at most {most}"
    return f"{most}" if least == most else f"{least} to {most}"


def _beside(untold: Sequence[str]) -> str:
    """Say what else is at work, of which no figure is known."""
    return f" and what {' and '.join(untold)} {'adds' if len(untold) == 1 else 'add'}" if untold else ""
