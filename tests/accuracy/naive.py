"""The rule that everyone uses, from the statistics that every SDK gives: what it would have said of the same run.

`remote-inbound-rtp` loss > 1 % is the uplink's; the subscriber's loss minus that > 1 % the downlink's; else concealed
audio > 1 % is code; else all is fine. It is given the whole of the measured time and both ends at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.evidence.recording import Recording
from lab.evidence.values import InboundSample, OutboundSample

LIMIT = 0.01


def naive(recording: Recording) -> str:
    """Return NETWORK/uplink, NETWORK/downlink, CODE or NONE; NONE too where there are no statistics."""
    uplink = _uplink(_measured(recording, [sample for client in recording.clients for sample in client.outbound]))
    inbound = _measured(recording, [sample for client in recording.clients for sample in client.inbound])
    if uplink > LIMIT:
        return "NETWORK/uplink"
    if _lost(inbound) - uplink > LIMIT:
        return "NETWORK/downlink"
    return "CODE" if concealed(inbound) > LIMIT else "NONE"


def concealed_share(recording: Recording) -> float:
    """Return the share of the samples played in the measured time that NetEQ made up."""
    return concealed(_measured(recording, [sample for client in recording.clients for sample in client.inbound]))


def concealed(samples: Sequence[InboundSample]) -> float:
    """Return the share of samples that NetEQ made up between the first and the last of `samples`."""
    return _growth(samples, "concealed_samples", "total_samples_received")


def _uplink(samples: Sequence[OutboundSample]) -> float:
    return _growth(samples, "remote_packets_lost", "packets_sent")


def _lost(samples: Sequence[InboundSample]) -> float:
    if len(samples) < 2:
        return 0.0
    lost = samples[-1].packets_lost - samples[0].packets_lost
    received = samples[-1].packets_received - samples[0].packets_received
    return max(0.0, lost / max(1, lost + received))


def _growth(samples: Sequence[object], part: str, whole: str) -> float:
    """Return by how much the counter `part` grew for each one that `whole` grew, 0 without two samples."""
    if len(samples) < 2:
        return 0.0
    grew = [getattr(samples[-1], name) - getattr(samples[0], name) for name in (part, whole)]
    return max(0.0, grew[0] / max(1, grew[1]))


def _measured(recording: Recording, samples: Sequence) -> list:
    """Return the samples since the measured media began; the statistics of its end come a moment after it."""
    since = recording.manifest.marks.media_from_ns
    return [sample for sample in samples if since is not None and sample.t_ns >= since]
