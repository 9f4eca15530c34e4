"""The closed table of what an expectation can be about.

Law: a metric has one name, one unit and one kind everywhere: in `expect:`, in the verdict and in the docs.
A count is a fact of this run and compared exactly; a rate is an estimate and compared by its 95 % interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.scenario.tree import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One measurable damage; `stage` is the hop it is measured at, or `flow` for end to end."""

    name: str
    unit: Literal["share", "frames", "ms"]
    kind: Literal["count", "rate"]
    stage: Literal["flow", "uplink", "server", "downlink", "playout"]
    meaning: str


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
        meaning="Frames lost and silence inserted, together: audio_loss as a fact of this run, without an interval.",
    ),
    Metric(
        name="longest_gap",
        unit="ms",
        kind="count",
        stage="flow",
        meaning="The longest stretch without intended audio, lost and inserted together.",
    ),
    Metric(
        name="audio_loss",
        unit="share",
        kind="rate",
        stage="flow",
        meaning="Missing time (frames lost and silence inserted) ÷ intended time.",
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
    ),
    Metric(
        name="server_loss",
        unit="share",
        kind="rate",
        stage="server",
        meaning="Packets of the flow that the server's host or LiveKit did not forward ÷ packets that arrived there.",
    ),
    Metric(
        name="downlink_loss",
        unit="share",
        kind="rate",
        stage="downlink",
        meaning="Packets of the flow dropped on the subscriber's link ÷ packets that entered it, before any repair.",
    ),
    Metric(
        name="concealed",
        unit="share",
        kind="rate",
        stage="playout",
        meaning="Samples that NetEQ made up ÷ samples it played, by its own statistics.",
    ),
)


def metric(name: str) -> Metric:
    """Return the metric called `name`; ValueError with the nearest name when there is none."""
    found = next((each for each in METRICS if each.name == name), None)
    if found is None:
        known = (*(each.name for each in METRICS), "verdict", "reason")
        raise ValueError(f"unknown metric {did_you_mean(name, known)}")
    return found
