"""A recording: everything one run left, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.evidence.accounts import (
    CgroupSecond,
    HostSecond,
    NetworkSecond,
    ServerForwarder,
    ServerTrack,
    Tick,
)
from lab.evidence.manifest import Manifest
from lab.evidence.steps import StepState
from lab.evidence.values import ClientEvidence, Tap


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One run's evidence.

    `cgroups` and `networks` are by container (`server`, `client-<name>`); `tracks` and `forwarders` are the
    server's own words. `problems` is empty when everything is there and whole.
    """

    path: Path
    manifest: Manifest
    taps: tuple[Tap, ...]
    clients: tuple[ClientEvidence, ...]
    steps: tuple[StepState, ...]
    ticks: tuple[Tick, ...]
    seconds: tuple[HostSecond, ...]
    cgroups: Mapping[str, tuple[CgroupSecond, ...]]
    problems: tuple[str, ...]
    broken: tuple[str, ...] = ()
    networks: Mapping[str, tuple[NetworkSecond, ...]] = field(default_factory=dict)
    tracks: tuple[ServerTrack, ...] = ()
    forwarders: tuple[ServerForwarder, ...] = ()
