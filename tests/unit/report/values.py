"""The run of the README's table, as values."""

from __future__ import annotations

import math

from lab.analysis.values import Cause, Checked, FlowVerdict, Frames, Gate, Hop, Measured, Outcome, Owner, RunVerdict

CONGESTED = FlowVerdict(
    publisher="publisher",
    subscriber="subscriber",
    outcome=Outcome.PASS,
    owner=Owner.UPLINK,
    frames=Frames(made=1500, decodable=1487, heard=None, lost=13, inserted_ms={}, unexplained=0),
    hops=(
        Hop(name="push", owner=Owner.CLIENT, packets_in=None, packets_dropped=None, frames_lost=0),
        Hop(name="send", owner=Owner.SDK, packets_in=1500, packets_dropped=0, frames_lost=0),
        Hop(
            name="uplink",
            owner=Owner.UPLINK,
            packets_in=1500,
            packets_dropped=81,
            causes={"queue": 59, "random": 22},
            frames_lost=13,
            repaired={"red": 68},
        ),
        Hop(name="server", owner=Owner.SERVER, packets_in=1419, packets_dropped=0, frames_lost=0),
        Hop(name="downlink", owner=Owner.DOWNLINK, packets_in=1419, packets_dropped=0, frames_lost=0),
        Hop(
            name="playout",
            owner=Owner.NONE,
            packets_in=1419,
            packets_dropped=None,
            note="concealed 0.9 % of samples",
        ),
    ),
    expectations=(
        Checked(metric="audio_loss", limit="<= 5%", value=0.00867, interval=(0.005, 0.0148), result="met"),
        Checked(
            metric="audio_loss",
            limit="<= network + 0.5%",
            value=0.00867,
            interval=None,
            result="met",
            note="network explains 0.9 %",
        ),
    ),
    damage={Owner.UPLINK: 0.00867},
    reasons=("NETWORK/uplink 0.9 points",),
    concealed_share=0.009,
    metrics=(
        Measured(name="lost_frames", unit="frames", value=13),
        Measured(name="gap_p95", unit="ms", value=40, low=20, high=math.inf),
        Measured(name="audio_loss", unit="share", value=0.00867, low=0.005, high=0.0148),
        Measured(name="server_loss", unit="share", value=None),
    ),
    causes=(
        Cause(
            owner=Owner.UPLINK,
            hop="uplink",
            reason="queue-full",
            share=0.006,
            note="59 packets met a full queue while others sent 410 of 480 kbit/s",
        ),
        Cause(owner=Owner.UPLINK, hop="uplink", reason="random-loss", share=0.00267, note="22 packets, in runs of 1.1"),
        Cause(owner=Owner.CLIENT, hop="push", reason="script-slow", share=0.0005, note="too little for a line"),
    ),
)

RUN = RunVerdict(
    run="20261122-101112-7f3a",
    scenario="congested",
    outcome=Outcome.PASS,
    owner=Owner.UPLINK,
    reasons=("NETWORK/uplink 0.9 points",),
    void=(),
    netem_driver="vm",
    netem_seeded=True,
    seed=7,
    server_version="v1.13.5",
    gates=(Gate(name="pacer", value=1.5, limit="≤ 60 ms", ok=True),),
    flows=(CONGESTED,),
)
