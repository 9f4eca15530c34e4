"""A sweep's table, as values: a group of three runs, one that was never run, and the clean control."""

from __future__ import annotations

import math

from lab.analysis.several.pooling import Pooled
from lab.report.rows import Row, SweepTable

LOSS, RED = "links.publisher.up.loss", "media.red"
FLOW = "publisher → subscriber"

DONE = Row(
    setting=((LOSS, "5%"), (RED, "true")),
    control=False,
    flow=FLOW,
    planned=3,
    valid=3,
    tried=4,
    dice=3,
    outcomes={"PASS": 2, "FAIL": 1},
    owners=("CODE/client", "NETWORK/uplink"),
    metrics={
        "audio_loss": Pooled(value=0.0312, low=0.02, high=0.044, n=3),
        "gap_p95": Pooled(value=80, low=20, high=math.inf, n=2),
    },
)
MISSING = Row(
    setting=((LOSS, "9%"), (RED, "true")),
    control=False,
    flow=FLOW,
    planned=3,
    valid=0,
    tried=2,
    dice=0,
    outcomes={},
    owners=(),
    metrics={},
    unread=("loss=9% red=true #1: cells/9/verdict.json: not JSON (make it again: lab judge cells/9)",),
)
CONTROL_ROW = Row(
    setting=(),
    control=True,
    flow=FLOW,
    planned=1,
    valid=1,
    tried=1,
    dice=1,
    outcomes={"PASS": 1},
    owners=(),
    metrics={
        "audio_loss": Pooled(value=0.0, low=0.0, high=0.002, n=1),
        "gap_p95": Pooled(value=None, n=0),
    },
)
TABLE = SweepTable(
    sweep="20261122-101112-7f3a",
    scenario="congested",
    by=(LOSS, RED),
    over=(),
    metrics=("audio_loss", "gap_p95"),
    rows=(DONE, MISSING, CONTROL_ROW),
)
