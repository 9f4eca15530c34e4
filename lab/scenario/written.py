"""A scenario as the user writes it: one pydantic model per mapping of the YAML file.

Law: these models say what may be written and what it means; `resolve` says what will be done. The reference in
docs/ is generated from them, so each field's docstring is what the user reads.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from lab.scenario.faults_written import FaultWritten
from lab.scenario.fields import (
    ControlTime,
    Delay,
    LinkRate,
    MediaTime,
    Memory,
    OpusRate,
    PushTime,
    QueueLength,
    Rate,
    SampleRate,
    Share,
    WholeDuration,
    Written,
    as_audio,
    as_loss,
    one_or_more,
    or_ended,
)
from lab.scenario.model import SDK_VERSION, SERVER_VERSION, Distribution, Pattern, Role

Protocol = Literal["udp", "tcp"]
SHORT_FORM: dict[str, Role] = {"publisher": "publisher", "subscriber": "subscriber"}
"""Who takes part, with which role, where a file has no `clients`."""


class LossWritten(Written):
    """Packets lost at random. `loss: 5%` is short for `loss: {share: 5%}`."""

    share: Share
    """Share of all packets that is lost."""
    burst: Annotated[float, Field(ge=1, le=1000)] | None = None
    """Mean number of packets lost in a row (Gilbert model); without it losses are independent."""


class BackgroundWritten(Written):
    """Competing UDP traffic through the same queue; without it a rate limit above the call's own rate does nothing."""

    rate: Rate
    """Payload offered, in packets of 1200 bytes (1242 on the wire); at most 50mbit."""
    pattern: Pattern = "constant"
    """`constant` spacing, `poisson` arrivals, or `bursts`: twice the rate, 500 ms on and 500 ms off."""


class ImpairmentWritten(Written):
    """One direction of a link. A field left out does nothing; `null` ends what a profile or an earlier state does."""

    delay: Delay | None = None
    """Time added to each packet, one way: at most 30s and, with its jitter, less than what is left of the media."""
    jitter: Delay | None = None
    """Spread of the delay (standard deviation, or half the width when `uniform`); at most the delay."""
    distribution: Distribution = "normal"
    """Shape of the jitter."""
    order: Literal["keep", "free"] = "keep"
    """Whether jitter may change the order of packets (`free`) or not."""
    loss: Annotated[LossWritten, as_loss(LossWritten)] | None = None
    """Packets lost at random: `5%`, or `{share: 5%, burst: 3}` when they are lost in a row."""
    rate: LinkRate | None = None
    """Bits per second on the wire (Ethernet header included) that the link carries, at least 100bit."""
    queue: QueueLength | None = None
    """What waits in front of a `rate` before packets are dropped; without it 200ms, or two packets (3028B) if those
    are more; one that is given must hold a packet (1514B), and at most 4294967295B."""
    duplicate: Share | None = None
    """Share of packets that arrive twice."""
    corrupt: Share | None = None
    """Share of packets with a flipped bit; encrypted media drops them on arrival."""
    outage: bool = False
    """Nothing passes."""
    block: Annotated[list[Protocol], one_or_more(Protocol)] | None = None
    """Protocols that a firewall drops here; implies `impair: from_start`."""
    background: BackgroundWritten | None = None
    """Competing traffic; needs a `rate`."""


ENDED: dict[str, Any] = {name: field.default for name, field in ImpairmentWritten.model_fields.items()}
"""What `up: null` is short for."""


class LinkWritten(Written):
    """The impaired link of one client; a client without one sits beside the server."""

    profile: str | None = None
    """A published profile for both directions; fields written beside it override it."""
    up: Annotated[ImpairmentWritten, or_ended(ImpairmentWritten, ENDED)] = ImpairmentWritten()
    """From the client to the server; `null` ends everything that is done to it."""
    down: Annotated[ImpairmentWritten, or_ended(ImpairmentWritten, ENDED)] = ImpairmentWritten()
    """From the server to the client; `null` likewise."""


ENDED_LINK: dict[str, Any] = {"up": None, "down": None}
"""What `publisher: null` is short for in a change."""


class ChangeWritten(Written):
    """A change of the network during the media."""

    at: WholeDuration
    """When, after the impairment began; strictly increasing, inside the media."""
    links: dict[str, Annotated[LinkWritten, or_ended(LinkWritten, ENDED_LINK)]]
    """What changes; everything not named stays as it is, `null` ends a field, a direction or all that a link does."""


class LimitsWritten(Written):
    """What a container may use from then on."""

    cpus: Annotated[float, Field(ge=0.01, le=256)] | None = None
    """Cores, fractions allowed (0.02 is 2 % of one)."""
    memory: Memory | None = None
    """Memory, at least 6MB."""


class ClientWritten(LimitsWritten):
    """A participant in a container of its own, with the LiveKit Python SDK."""

    role: Role
    """What it does."""
    count: Annotated[int, Field(ge=1, le=50)] = 1
    """How many of them: `listener` with count 2 becomes `listener-1` and `listener-2`, their links too."""
    sdk: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")] = SDK_VERSION
    """Release of the LiveKit Python SDK, from PyPI; an image is made for each."""
    queue: WholeDuration = 200
    """The SDK's audio source queue (`queue_size_ms`), a multiple of 10ms."""
    ahead: WholeDuration = 60
    """How far ahead of its playing time a frame is pushed, so that host jitter is no underrun; at most the queue."""
    after_join: LimitsWritten = LimitsWritten()
    """Limits of its container that begin when the clean control has been measured."""


class AudioWritten(Written):
    """A sound file. `audio: speech.wav` is short for `audio: {file: speech.wav}`."""

    file: str
    """WAV, mono, 16 bits, from the scenario's own folder or shipped (`speech.wav`); looped. Or `marks`."""
    sha256: str | None = None
    """Its hash: another file is refused then."""


class MediaWritten(Written):
    """The audio and the times of a run."""

    duration: MediaTime = 30_000
    """Measured audio, a multiple of 20ms, 1s to 60m."""
    audio: Annotated[AudioWritten, as_audio(AudioWritten)] = AudioWritten(file="marks")
    """What is heard: a WAV file such as `speech.wav`; without it `marks`, tones that name each 20 ms to the ear."""
    frame: PushTime = 20
    """What is pushed into the SDK at a time: a multiple of 10ms up to 1s, at most the publisher's queue."""
    sample_rate: SampleRate | None = None
    """Samples per second that are pushed, 8kHz to 48kHz; without it the sound file's own, 48kHz for marks."""
    bitrate: OpusRate = 48_000
    """Opus' target, 6kbit to 510kbit."""
    red: bool = True
    """One redundant copy of the previous frame in each packet (RFC 2198), the SDK's default."""
    dtx: bool = False
    """Opus' discontinuous transmission, which sends hardly any packets in silence."""
    settle: WholeDuration = 2_000
    """Time after the join that is not measured."""
    control: ControlTime = 3_000
    """Time measured on the clean network before the impairment, a multiple of 20ms."""


class CrowdWritten(Written):
    """Other participants of the same room, in a container beside the server; they begin when the control is over."""

    publishers: Annotated[int, Field(ge=0, le=50)] = 0
    """How many speak."""
    subscribers: Annotated[int, Field(ge=0, le=50)] = 0
    """How many listen, each to everybody, the scenario's own clients included."""
    camera: bool = False
    """Whether those who speak send video too: 320×240, ten pictures a second."""


class ServerWritten(LimitsWritten):
    """The LiveKit server."""

    version: Annotated[str, Field(pattern=r"^v[0-9]+\.[0-9]+\.[0-9]+$")] = SERVER_VERSION
    """Release of livekit-server."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Merged over the lab's own server configuration; everything but `keys`."""
    after_join: LimitsWritten = LimitsWritten()
    """Limits that begin when everybody has joined."""
    crowd: CrowdWritten = CrowdWritten()
    """Other participants, to load it."""


class SweepWritten(Written):
    """What `lab sweep` varies; `lab run` runs the rest of the file, the base, once."""

    axes: dict[str, Any] = Field(default_factory=dict)
    """Values by field: `links.publisher.up.loss: [0%, 5%]`, or a range, `0ms..200ms/50ms`. All are combined."""
    zip: list[list[str]] = Field(default_factory=list)
    """Lists of fields that advance together instead: `[[links.publisher.up.delay, links.publisher.down.delay]]`."""
    repeat: Annotated[int, Field(ge=1, le=10_000)] = 1
    """How often each combination is run, each time with another seed."""


class ScenarioWritten(Written):
    """One situation: who talks to whom, what the network does, and what is expected of it."""

    version: int
    """Version of this format: 1."""
    name: str | None = None
    """Lower case letters, digits and dashes; without it the file's name, which must be one then."""
    description: str = ""
    """The situation in the words of somebody who has it."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    """Where all randomness starts; without it made from the name, so that it is the same each time."""
    media: MediaWritten = MediaWritten()
    """What is sent and for how long."""
    clients: dict[str, ClientWritten] | None = None
    """Participants by name; without it one `publisher` and one `subscriber`."""
    links: dict[str, LinkWritten] = Field(default_factory=dict)
    """Impaired links by client name, at most 12."""
    impair_only: Literal["all", "rtp"] = "all"
    """`rtp` lets only media packets draw losses, which makes reruns identical packet by packet."""
    impair: Literal["after_join", "from_start"] | None = None
    """When the impairment begins; without it `after_join`, or `from_start` when a link blocks something."""
    timeline: list[ChangeWritten] = Field(default_factory=list)
    """Changes of the network at times."""
    server: ServerWritten = ServerWritten()
    """Release, configuration and limits of LiveKit."""
    inject: list[FaultWritten] = Field(default_factory=list)
    """Faults put into code, machine or server on purpose."""
    expect: dict[str, Annotated[list[str], one_or_more(str)]] | None = None
    """What must hold, per metric: `"<= 5%"` or a list; without it `unexplained_frames: "== 0"` and
    `audio_loss: "<= network + 0.5%"`."""
    sweep: SweepWritten | None = None
    """What is varied from run to run, for `lab sweep`."""
