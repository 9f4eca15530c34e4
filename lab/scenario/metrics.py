"""The closed table of what an expectation can be about.

Law: a metric has one name, one unit and one kind everywhere: in `expect:`, in the verdict and in the docs.
A count is a fact of this run and compared exactly; a rate, a quantile and a trend are estimates, each compared by its
95 % interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.scenario.tree import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One measurable damage; `stage` is the hop it is measured at, or `flow` for end to end.

    A share that is a `part` is never more than the whole, 100 %.
    """

    name: str
    unit: Literal["share", "frames", "count", "ms"]
    kind: Literal["count", "rate", "quantile", "trend"]
    stage: Literal["flow", "uplink", "server", "downlink", "playout"]
    meaning: str
    part: bool = False


METRICS: tuple[Metric, ...] = (
    Metric(
        name="lost_frames",
        unit="frames",
        kind="count",
        stage="flow",
        meaning="Frames of 20 ms of which no usable copy reached the listener, at whatever hop.",
    ),
    Metric(
        name="unexplained_frames",
        unit="frames",
        kind="count",
        stage="flow",
        meaning="Frames made that no hop's evidence accounts for.",
    ),
    Metric(
        name="inserted_silence",
        unit="ms",
        kind="count",
        stage="flow",
        meaning="Silence that somebody put between the first and the last pushed frame.",
    ),
    Metric(
        name="missing_audio",
        unit="ms",
        kind="count",
        stage="flow",
        meaning="Frames lost, silence inserted and sound made up between frames, together: audio_loss as a fact of "
        "this run, without an interval.",
    ),
    Metric(
        name="longest_gap",
        unit="ms",
        kind="count",
        stage="flow",
        meaning="The longest stretch without intended audio, lost, inserted and made up together.",
    ),
    Metric(
        name="gaps",
        unit="count",
        kind="count",
        stage="flow",
        meaning="Cuts: stretches without intended audio, each counted once however long.",
    ),
    Metric(
        name="gap_p95",
        unit="ms",
        kind="quantile",
        stage="flow",
        meaning="95 % of the cuts are no longer than this; 0 when there was none.",
    ),
    Metric(
        name="absence",
        unit="ms",
        kind="count",
        stage="flow",
        meaning="Time in stretches of 1 s or more without intended audio; all of it when there never was media.",
    ),
    Metric(
        name="corrupt_frames",
        unit="frames",
        kind="count",
        stage="flow",
        meaning="Frames of 20 ms lost because their packet came out of a link altered.",
    ),
    Metric(
        name="audio_loss",
        unit="share",
        kind="rate",
        stage="flow",
        meaning="Missing time (frames lost, silence inserted, sound made up between frames) ÷ intended time.",
    ),
    Metric(
        name="network_loss",
        unit="share",
        kind="rate",
        stage="flow",
        meaning="The part of audio_loss whose owner is the network, both links together.",
    ),
    Metric(
        name="code_loss",
        unit="share",
        kind="rate",
        stage="flow",
        meaning="The part of audio_loss whose owner is code: client, backend, SDK, server, configuration, load, host.",
    ),
    Metric(
        name="uplink_loss",
        unit="share",
        kind="rate",
        stage="uplink",
        meaning="Packets of the flow dropped on the publisher's link ÷ packets that entered it, before any repair.",
        part=True,
    ),
    Metric(
        name="server_loss",
        unit="share",
        kind="rate",
        stage="server",
        meaning="Packets of the flow that the server's host or LiveKit did not forward ÷ packets that arrived there.",
        part=True,
    ),
    Metric(
        name="downlink_loss",
        unit="share",
        kind="rate",
        stage="downlink",
        meaning="Packets of the flow dropped on the subscriber's link ÷ packets that entered it, before any repair.",
        part=True,
    ),
    Metric(
        name="concealed",
        unit="share",
        kind="rate",
        stage="playout",
        meaning="Samples that NetEQ made up ÷ samples it played, by its own statistics.",
        part=True,
    ),
    Metric(
        name="stretched",
        unit="share",
        kind="rate",
        stage="playout",
        meaning="Samples that NetEQ put in to slow down, or took out to catch up, ÷ samples it played.",
    ),
    Metric(
        name="delay_p50",
        unit="ms",
        kind="quantile",
        stage="flow",
        meaning="Mouth to ear: half of the audio is read by the listener no later than this after its schedule.",
    ),
    Metric(
        name="delay_p95",
        unit="ms",
        kind="quantile",
        stage="flow",
        meaning="Mouth to ear: 95 % of the audio is no later than this.",
    ),
    Metric(
        name="delay_drift",
        unit="ms",
        kind="trend",
        stage="flow",
        meaning="How much later the audio comes with every minute (ms/min): the median slope between seconds.",
    ),
)


def metric(name: str) -> Metric:
    """Return the metric called `name`; ValueError with the nearest name when there is none."""
    found = next((each for each in METRICS if each.name == name), None)
    if found is None:
        known = (*(each.name for each in METRICS), "verdict", "reason")
        raise ValueError(f"unknown metric {did_you_mean(name, known)}")
    return found


def is_trend(name: str) -> bool:
    """Say whether the metric called `name` tells how something grows, by the minute."""
    return any(each.kind == "trend" for each in METRICS if each.name == name)


def unit(name: str) -> str:
    """Return the unit of the metric called `name`, empty for `verdict` and `reason`, which have none."""
    return next((each.unit for each in METRICS if each.name == name), "")
