"""What the judge says: the ledger of each flow, its gates, its verdict. Frozen values, rendered by `lab.report`.

`None` is unknown, never 0. Shares are 0..1. Frames are 20 ms; a half is one 10 ms block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """How a run ended, the one that goes before the others last: what is proven is not undone by what is unknown."""

    PASS = "PASS"
    UNKNOWN = "UNKNOWN"
    FAIL = "FAIL"
    VOID = "VOID"


class Owner(StrEnum):
    """Whose fault a damage is."""

    NONE = "NONE"
    UPLINK = "NETWORK/uplink"
    DOWNLINK = "NETWORK/downlink"
    CONNECT = "NETWORK/connect"
    CLIENT = "CODE/client"
    BACKEND = "CODE/backend"
    SDK = "CODE/sdk"
    SERVER = "CODE/server"
    CONFIG = "CODE/config"
    LOAD = "CODE/load"
    CLIENT_HOST = "CODE/client-host"
    BOTH = "BOTH"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One row of the ledger.

    `frames_lost` counts the frames whose last usable copy died here, those that came too late (`late` of them)
    included; `contributing` the frames lost elsewhere of which this hop killed an earlier copy; `repaired` the
    frames that lost a packet here and were still decodable, per mechanism (`red`, `fec`); `made_up_ms` is the sound
    that the jitter buffer made up while it waited for this hop.
    """

    name: str  # connect push send uplink server downlink playout read
    owner: Owner
    packets_in: int | None
    packets_dropped: int | None
    causes: Mapping[str, int] = field(default_factory=dict)  # random queue outage blocked corrupt
    frames_lost: float | None = None
    late: float | None = None
    contributing: float | None = None
    repaired: Mapping[str, float] = field(default_factory=dict)
    made_up_ms: float = 0.0
    undecided: str = ""  # why its witnesses disagree; empty when they agree
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Frames:
    """The balance of a flow: made = decodable + lost + unexplained; heard instead of decodable once there is an ear.

    `inserted_ms` is silence that was put in, `made_up_ms` sound that the jitter buffer made up between frames that are
    heard, each per owner.
    """

    made: float | None
    decodable: float | None
    heard: float | None
    lost: float | None
    inserted_ms: Mapping[Owner, float]
    unexplained: float | None
    transition: float = 0.0
    made_up_ms: Mapping[Owner, float] = field(default_factory=dict)
    kinds: Mapping[str, float] = field(default_factory=dict)  # dtx mute start-up tail: frames booked by evidence


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why one owner's damage happened: a code of `lab.scenario.reasons`, the hop, and the share of intended time."""

    owner: Owner
    hop: str
    reason: str
    share: float
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One expectation with what was measured."""

    metric: str
    limit: str
    value: float | str | None
    interval: tuple[float, float] | None
    result: str  # met | failed | unknown
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One validity gate; `ok` None when its witness is missing."""

    name: str
    value: float | str | None
    limit: str
    ok: bool | None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Symptoms:
    """What a listener would say: cuts, distortion, absence, delay. Each is a metric of the same name, None unknown.

    `by_ear`: the delay is when the program read it, and not NetEQ's estimate. Drift is per minute.
    """

    gaps: float | None = None
    gap_p95: float | None = None
    longest_gap: float | None = None
    concealed: float | None = None
    stretched: float | None = None
    corrupt_frames: float | None = None
    absence: float | None = None
    delay_p50: float | None = None
    delay_p95: float | None = None
    delay_drift: float | None = None
    by_ear: bool = False


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What brought audio whose own packet died: `red` or `fec`, inferred from `evidence`.

    The copy is `depth` packets behind (None: not told). Of the `frames` that came only so, `heard` were heard;
    `unknown` says who contradicts it.
    """

    mechanism: str
    depth: int | None
    evidence: str
    frames: float
    heard: float | None
    unknown: str = ""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One metric of the closed table, in its unit, with the ends of its 95 % interval.

    `value` None: nobody can tell. A count has no interval (both ends None); an end that too few values leave open is
    infinite.
    """

    name: str
    unit: str  # share (0..1) | frames | count | ms
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class FlowVerdict:
    """One published track as one subscriber hears it. `damage` is in shares of the intended time, per owner."""

    publisher: str
    subscriber: str
    outcome: Outcome
    owner: Owner
    frames: Frames
    hops: tuple[Hop, ...]
    expectations: tuple[Checked, ...]
    damage: Mapping[Owner, float]
    reasons: tuple[str, ...]
    concealed_share: float | None = None
    causes: tuple[Cause, ...] = ()  # the costliest first
    symptoms: Symptoms = field(default_factory=Symptoms)
    metrics: tuple[Measured, ...] = ()  # the closed table, in its order
    repairs: tuple[Repair, ...] = ()
    named_share: float | None = None  # of the audio pushed: how much is named beyond doubt
    level_extension: str = ""  # described | inferred: how the number of the clear level's extension is known


@dataclass(frozen=True, kw_only=True)
class RunVerdict:
    """One run; its outcome and owner are those of its worst flow, VOID when a gate says so."""

    run: str
    scenario: str
    outcome: Outcome
    owner: Owner
    reasons: tuple[str, ...]
    void: tuple[str, ...]
    netem_driver: str | None
    netem_seeded: bool | None
    seed: int | None
    server_version: str | None
    gates: tuple[Gate, ...]
    flows: tuple[FlowVerdict, ...]
