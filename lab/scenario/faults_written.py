"""The entries of `inject:` as the user writes them, one model per kind of fault.

Law: the same fields as in `faults`, with units; each docstring is what the user reads in the reference.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab.scenario.fields import Duration, Size, WholeDuration, Written

Times = Annotated[int, Field(ge=1, le=1000)]


class StallWritten(Written):
    """The client stops pushing audio for a while, several times, spread evenly over the media."""

    client: str
    """Who; a client that publishes."""
    length: WholeDuration
    """How long each time."""
    times: Times = 1
    """How often; all together shorter than the media."""


class SkipWritten(Written):
    """The client makes some frames and never pushes them."""

    client: str
    """Who; a client that publishes."""
    every: Annotated[int, Field(ge=2, le=100_000)]
    """Which: every n-th frame."""


class BackendLateWritten(Written):
    """The client's own source of audio (a model, a decoder, a file server) is late, several times."""

    client: str
    """Who; a client that publishes."""
    length: WholeDuration
    """How late each time."""
    times: Times = 1
    """How often; all together shorter than the media."""


class BackendBurstsWritten(Written):
    """The client's own source of audio gives it in bursts with pauses between them."""

    client: str
    """Who; a client that publishes."""
    every: WholeDuration = 1_000
    """How much audio comes at once, a multiple of the frame."""
    gap: WholeDuration
    """How long after it was due each burst comes."""


class SlowWritten(Written):
    """The sending script needs more time for a frame than the frame lasts, with a free event loop."""

    client: str
    """Who; a client that publishes."""
    per_frame: Duration
    """What a frame takes, more than `media.frame` and at most ten times as much."""


class BlockLoopWritten(Written):
    """The sending script does synchronous work in its event loop, several times."""

    client: str
    """Who; a client that publishes."""
    length: WholeDuration
    """How long the loop stands still each time."""
    times: Times = 1
    """How often; all together shorter than the media."""


class OverlapWritten(Written):
    """The sending script pushes frames without waiting for the SDK to take them; the SDK refuses what overlaps."""

    client: str
    """Who; a client that publishes."""
    length: WholeDuration
    """How much audio is pushed at once, a multiple of the frame, more than the client's `queue`."""
    times: Times = 1
    """How often; all together at most half the media, as each begins in the middle of its share."""


class MuteWritten(Written):
    """The sending script mutes its track right after pushing, while that audio is still queued."""

    client: str
    """Who; a client that publishes."""
    length: WholeDuration
    """How long each time."""
    times: Times = 1
    """How often; all together shorter than the media; at most half of it if `pushing`."""
    pushing: bool = False
    """Whether it goes on pushing into the muted track, or pauses and goes on afterwards where it was."""


class SubscribeLateWritten(Written):
    """The listener lets go of its tracks when the media begins, and subscribes again too late."""

    client: str
    """Who; a client that subscribes."""
    by: WholeDuration
    """How much too late; shorter than the media."""


class SlowReaderWritten(Written):
    """The listener's program works on each 10 ms for longer than they last, and its queue is bounded."""

    client: str
    """Who; a client that subscribes."""
    per_frame: Duration
    """What each 10 ms take it during the media, more than 10ms and at most 1s."""
    capacity: WholeDuration
    """What its queue holds, a multiple of 10ms; the SDK drops the oldest and says nothing."""


class CutEndWritten(Written):
    """The listener's program stops reading before the end was played."""

    client: str
    """Who; a client that subscribes."""
    by: WholeDuration
    """How long before the end of the media; shorter than the media."""


class PauseWritten(Written):
    """Every process in a container stands still for a while: a frozen or badly overcommitted machine."""

    container: str
    """Whose: a client, or `server`."""
    length: WholeDuration
    """How long each time, at least 50ms."""
    times: Times = 1
    """How often; all together at most half the media, as each begins in the middle of its share."""


class FilterWritten(Written):
    """A packet filter in the server's own network namespace drops some packets to its media port."""

    drop: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many in a row."""
    every: Annotated[int, Field(ge=2, le=100_000)]
    """Of how many; counted over all packets to the port."""


class SocketBufferWritten(Written):
    """The receive buffer of the server's media sockets is made small."""

    size: Size
    """What is asked for (SO_RCVBUF), at most 4MB; the kernel doubles it, and makes it at least 2304 bytes."""


class FaultWritten(Written):
    """A fault put into code, machine or server, to see that it is found; exactly one of these."""

    stall: StallWritten | None = None
    """Sender: stops pushing for a while."""
    skip: SkipWritten | None = None
    """Sender: never pushes some frames."""
    backend_late: BackendLateWritten | None = None
    """Sender: gets its audio late."""
    backend_bursts: BackendBurstsWritten | None = None
    """Sender: gets its audio in bursts."""
    slow: SlowWritten | None = None
    """Sender: is slower than real time."""
    block_loop: BlockLoopWritten | None = None
    """Sender: blocks its event loop."""
    overlap: OverlapWritten | None = None
    """Sender: pushes without waiting, which the SDK refuses."""
    mute: MuteWritten | None = None
    """Sender: mutes while audio is still queued."""
    subscribe_late: SubscribeLateWritten | None = None
    """Listener: subscribes too late."""
    slow_reader: SlowReaderWritten | None = None
    """Listener: reads too slowly from a bounded queue."""
    cut_end: CutEndWritten | None = None
    """Listener: stops reading too early."""
    pause: PauseWritten | None = None
    """Machine: a container stands still."""
    filter: FilterWritten | None = None
    """Server: a packet filter drops packets."""
    socket_buffer: SocketBufferWritten | None = None
    """Server: a receive buffer that is too small."""
