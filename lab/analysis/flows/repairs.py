"""What repaired a frame in this run: found from the run itself, and held against everybody who could contradict it.

Law: RED is read from payload types, its depth from packet lengths in the clean control (RFC 2198: a packet holds the
audio `depth` times more), in-band FEC from the decoder's own count (`fecPacketsReceived`). The ear hears what came only
so; NetEQ conceals what no copy saved. Where one of them contradicts, what hangs on the repair is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab.analysis.ear.delivered import counted
from lab.analysis.ear.listen import Heard
from lab.analysis.flows.flow import Flow, Times
from lab.analysis.values import Repair
from lab.analysis.way.journey import RED_TYPE, At
from lab.analysis.way.prediction import Copy, successors
from lab.analysis.way.windows import FRAMES_PER_BLOCK
from lab.analysis.wire.scene import Scene
from lab.analysis.wire.streams import Flags, rtp_of
from lab.pcm import FRAME_MS, FRAME_SAMPLES

_OVERHEAD_BYTES = 74  # Ethernet 14, IPv4 20, UDP 8, RTP 12 with its extensions 10, SRTP 10: a 20 ms packet without RED
_RED_BYTES = 5  # RFC 2198: 4 for a copy, 1 for the last
_KNOWN_DEPTH = 1
_LEAST_FRAMES = 10
"""Fewer frames contradict nobody."""
_HALF_OF_THEM = 0.5
_LEAST_SHARE = 0.005
"""An unknown repair matters when as much of the audio hangs on it."""


def repairs(scene: Scene, flow: Flow, times: Times, bitrate_bps: int) -> tuple[Repair, ...]:
    """Return what repaired frames of the flow's window, the shallowest first."""
    depth = red_depth(scene, flow, times, bitrate_bps)
    found = []
    if flow.journey.red[flow.slots].any():
        found.append(_repair(flow, Copy.RED, depth, "payload type 63" + (" and packet lengths" if depth else "")))
    if _through(flow, Copy.FEC).any():
        after = 2 if flow.journey.red[flow.slots].any() else 1
        found.append(_repair(flow, Copy.FEC, after, "fecPacketsReceived"))
    return tuple(found)


def unreliable(flow: Flow, found: Sequence[Repair]) -> tuple[str, ...]:
    """Say which repairs are unknown, where enough of the window's audio hangs on them."""
    made = FRAMES_PER_BLOCK * float(flow.made.inside(flow.window).sum())
    said = [
        f"repair by {one.mechanism}: {one.unknown}; {one.frames:g} frames hang on it"
        for one in found
        if one.unknown and one.frames >= _LEAST_SHARE * made
    ]
    return (*said, *_concealed_too_little(flow, any(one.frames for one in found)))


def red_depth(scene: Scene, flow: Flow, times: Times, bitrate_bps: int) -> int | None:
    """Return how many copies of earlier audio a RED packet holds; None without RED, or without a clean control."""
    packets = rtp_of(scene.outer(flow.publisher), src=flow.publisher.ip)
    if times.control is None:
        return None
    inside = (packets["t_ns"] >= times.control[0]) & (packets["t_ns"] < times.control[1])
    lengths = packets["length"][inside & (packets["pt"] == RED_TYPE)]
    if not lengths.size:
        return None
    once = bitrate_bps * FRAME_MS / 8000
    return max(0, round((float(np.median(lengths)) - _OVERHEAD_BYTES - _RED_BYTES) / once) - 1)


def _repair(flow: Flow, mechanism: Copy, depth: int | None, evidence: str) -> Repair:
    only = _through(flow, mechanism)
    heard = None if flow.ear is None else FRAMES_PER_BLOCK * float((only & (flow.ear.heard == Heard.YES)).sum())
    frames = FRAMES_PER_BLOCK * float(only.sum())
    return Repair(
        mechanism=mechanism.name.lower(),
        depth=depth,
        evidence=evidence,
        frames=frames,
        heard=heard,
        unknown=_contradiction(flow, mechanism, depth, frames, heard),
    )


def _contradiction(flow: Flow, mechanism: Copy, depth: int | None, frames: float, heard: float | None) -> str:
    """Say who contradicts the repair; empty when nobody does."""
    if mechanism == Copy.RED and depth is not None and depth != _KNOWN_DEPTH:
        return f"packets are as long as with {depth} copies, and {_KNOWN_DEPTH} is what is followed"
    if heard is not None and frames >= _LEAST_FRAMES and heard < _HALF_OF_THEM * frames:
        return f"of {frames:g} frames that came only so, {heard:g} were heard"
    if mechanism == Copy.FEC and flow.ear is not None:
        deeper = _beyond(flow)
        found = FRAMES_PER_BLOCK * float((deeper & flow.ear.own).sum())
        if (
            FRAMES_PER_BLOCK * deeper.sum() >= _LEAST_FRAMES
            and found >= _HALF_OF_THEM * FRAMES_PER_BLOCK * deeper.sum()
        ):
            return f"{found:g} of {FRAMES_PER_BLOCK * deeper.sum():g} frames were heard that it should not have saved"
    return ""


def _through(flow: Flow, mechanism: Copy) -> Flags:
    """Mark the window's blocks that came only by `mechanism`, in time."""
    slot = np.maximum(flow.made.slot, 0)
    there = flow.made.inside(flow.window) & (flow.made.slot >= 0) & ~flow.untold.any[slot]
    return np.asarray(there & (flow.prediction.through == mechanism)[slot] & (flow.lateness.hop < 0)[slot], np.bool_)


def _beyond(flow: Flow) -> Flags:
    """Mark the window's blocks of frames that no known copy brought, while the packet after those arrived."""
    following = successors(flow.journey)
    second = np.where(following >= 0, following[following], -1)
    later = np.where((second >= 0) & (flow.journey.furthest()[second] == At.RECEIVED), True, False)
    slot = np.maximum(flow.made.slot, 0)
    missed = later & ~flow.prediction.decodable & ~flow.untold.any
    found = flow.made.inside(flow.window) & (flow.made.slot >= 0) & missed[slot]
    whole = np.bincount(flow.made.frame, weights=found, minlength=1)[flow.made.frame] * FRAMES_PER_BLOCK >= 1
    return np.asarray(found & whole, np.bool_)


def _concealed_too_little(flow: Flow, repaired: bool) -> tuple[str, ...]:
    """Say that NetEQ made up less than half of what was lost by the known repairs: then others saved it."""
    share = flow.concealed_share
    untouched = flow.left_out | flow.idle | flow.untold.any
    lost = float((flow.slots & ~flow.prediction.decodable & ~untouched).sum())
    if share is None or lost < _LEAST_FRAMES or not flow.inbound:
        return ()
    made_up = share * int(counted(flow.inbound, "total_samples_received")[-1]) / FRAME_SAMPLES
    if not 0 < made_up < _HALF_OF_THEM * lost:  # the SDK says 0 for what it was not told
        return ()
    beside = "beside the known repairs" if repaired else "without any repair"
    return (f"NetEQ made up {made_up:.0f} frames, and {lost:.0f} are lost {beside}: what saved the rest is unknown",)
