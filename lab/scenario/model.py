"""The resolved scenario: what will be done, every default written out, every unit canonical.

Frozen values without behaviour. Times are milliseconds, rates bits per second, shares 0..1.
`load` makes one from YAML; rig and analysis take it from here and never see YAML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lab.faults import Fault

Direction = Literal["up", "down"]
Role = Literal["publisher", "subscriber", "both"]
Distribution = Literal["uniform", "normal", "pareto", "paretonormal"]
Pattern = Literal["constant", "poisson", "bursts"]

SERVER_VERSION = "v1.13.5"
SDK_VERSION = "1.2.1"


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Packets lost at random: `share` of all (0..1), in bursts of `burst` packets on average.

    `burst` None is independent loss (netem `loss random`); else a Gilbert model
    (netem `loss gemodel p r`, r = 1/burst, p = share * r / (1 - share)).
    """

    share: float
    burst: float | None = None


@dataclass(frozen=True, kw_only=True)
class Background:
    """Competing UDP traffic through the same queue, in packets of 1200 bytes of payload.

    `bursts` sends at twice the rate in spells of 500 ms on, 500 ms off.
    """

    rate_bps: int
    pattern: Pattern = "constant"


@dataclass(frozen=True, kw_only=True)
class Impairment:
    """What one direction of a link does to packets. The default does nothing."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    distribution: Distribution = "normal"
    order: Literal["keep", "free"] = "keep"
    loss: Loss | None = None
    rate_bps: int | None = None
    queue_bytes: int | None = None
    duplicate: float = 0.0
    corrupt: float = 0.0
    outage: bool = False
    block: tuple[Literal["udp", "tcp"], ...] = ()
    background: Background | None = None


@dataclass(frozen=True, kw_only=True)
class Link:
    """The impaired link of one client."""

    client: str
    up: Impairment
    down: Impairment


@dataclass(frozen=True, kw_only=True)
class Change:
    """A step of the timeline.

    At `at_ms` after the impairment began, one direction of one link becomes `impairment`
    (the whole new state, already merged with what was in force before).
    """

    at_ms: int
    client: str
    direction: Direction
    impairment: Impairment


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a container may use; None is no limit."""

    cpus: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Client:
    """One participant. Its `count` is already spread: `listener` with count 2 is `listener-1`, `listener-2`."""

    name: str
    role: Role
    sdk: str = SDK_VERSION
    queue_ms: int = 200
    ahead_ms: int = 60
    limits: Limits = field(default_factory=Limits)
    after_join: Limits = field(default_factory=Limits)


@dataclass(frozen=True, kw_only=True)
class Sound:
    """A sound file played in a loop: its name as written, its hash, and where it was found, None for a recording's."""

    file: str
    sha256: str
    path: Path | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Media:
    """The audio and the times of a run; `audio` None are the marks.

    `frame_ms` is what a publisher pushes at a time, `sample_rate` at how many samples per second.
    """

    duration_ms: int = 30_000
    audio: Sound | None = None
    frame_ms: int = 20
    sample_rate: int = 48_000
    bitrate_bps: int = 48_000
    red: bool = True
    dtx: bool = False
    settle_ms: int = 2_000
    control_ms: int = 3_000

    @property
    def before_ms(self) -> int:
        """How long a publisher sends before the media that is measured: settling and clean control."""
        return self.settle_ms + self.control_ms

    @property
    def whole_ms(self) -> int:
        """How long it sends in all."""
        return self.before_ms + self.duration_ms


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Other participants of the same room, beside the server, who speak and listen while the media is measured.

    Each publisher sends audio, and video where it has a `camera`; each subscriber receives all of it.
    """

    publishers: int = 0
    subscribers: int = 0
    camera: bool = False


@dataclass(frozen=True, kw_only=True)
class Server:
    """LiveKit: `config_json` is a JSON object merged over the lab's own configuration."""

    version: str = SERVER_VERSION
    config_json: str = "{}"
    limits: Limits = field(default_factory=Limits)
    after_join: Limits = field(default_factory=Limits)
    crowd: Crowd = field(default_factory=Crowd)


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """One line of `expect:`.

    Compares `metric` by `op` with `limit` (a share 0..1, or a count, as the metric's kind says),
    plus the network's predicted share of the same metric when `relative` ("<= network + 0.5%").
    For the metric `verdict`, `op` is "==", `owners` are the owners of which any one is right
    (`CODE/load`, `CODE/server`) and `owner` is the first of them. For the metric `reason`, `op` is "==" and `reasons`
    are the codes of `lab.scenario.reasons` of which any one is right.
    """

    metric: str
    op: Literal["<=", ">=", "<", ">", "=="]
    limit: float = 0.0
    relative: bool = False
    owner: str | None = None
    owners: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One situation, complete."""

    version: int
    name: str
    description: str
    seed: int
    media: Media
    clients: tuple[Client, ...]
    links: tuple[Link, ...]
    timeline: tuple[Change, ...]
    impair_only: Literal["all", "rtp"]
    impair: Literal["after_join", "from_start"]
    server: Server
    inject: tuple[Fault, ...]
    expect: tuple[Expectation, ...]

    def link_of(self, client: str) -> Link | None:
        """Return the impaired link of `client`, or None when it has none."""
        return next((link for link in self.links if link.client == client), None)
