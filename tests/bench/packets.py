"""How fast packets get from a capture into the ledger, against `tshark -T fields` with the same fields.

Both read the same synthetic capture (`pcap_rate`), and give time, addresses, length and RTP header of every packet. The
lab also takes a digest of every payload and lays the stream of each sender out by its sequence numbers. Each by its CPU
seconds, which other programs on the machine do not lengthen; neither uses more than one CPU.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from lab.analysis.wire.streams import rtp_of, stream
from lab.evidence.octets import distinct
from lab.evidence.rtp import read_capture
from lab.evidence.values import KIND_RTP
from tests.bench.figures import Figure
from tests.bench.pcap_rate import write_capture

PACKETS = 300_000
FIELDS = (
    "frame.time_epoch", "ip.src", "ip.dst", "udp.srcport", "udp.dstport", "frame.len",
    "rtp.ssrc", "rtp.seq", "rtp.timestamp", "rtp.p_type", "rtp.marker",
)  # fmt: skip
READINGS = 5
"""Of the lab in a round, of which the median counts: one takes a fortieth of tshark's, and wavers with its moment."""
ROUND_S = 6.0
"""About what a round takes."""


def packets(asked: argparse.Namespace) -> Iterator[Figure]:
    """Measure both, in turn."""
    if shutil.which("tshark") is None:
        raise SystemExit("packets: no tshark here: `make bench` installs it, so does apt-get install tshark")
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        capture = Path(folder) / "synthetic.pcap"
        write_capture(capture, PACKETS)
        taken = [(*_median(_lab_s(capture) for _ in range(READINGS)), _tshark_s(capture)) for _ in range(asked.rounds)]
    yield Figure.of(
        "packets",
        [theirs / ours for ours, _, theirs in taken],
        packets=PACKETS,
        lab_per_s=[round(PACKETS / ours) for ours, _, _ in taken],
        lab_streams_alone_per_s=[round(PACKETS / streams) for _, streams, _ in taken],
        tshark_per_s=[round(PACKETS / theirs) for _, _, theirs in taken],
    )


def packets_s(asked: argparse.Namespace) -> float:
    """Return about how long that takes."""
    return asked.rounds * ROUND_S


def _median(readings: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return the one in the middle."""
    return sorted(readings)[READINGS // 2]


def _lab_s(capture: Path) -> tuple[float, float]:
    """Read, classify, digest, and lay out each sender's stream: CPU seconds of all, and of the last alone."""
    began = time.process_time()
    found = read_capture(capture).packets
    read = time.process_time()
    for ssrc in distinct(found["ssrc"][found["kind"] == KIND_RTP]):
        assert stream(rtp_of(found, ssrc=int(ssrc))).seq.size
    return time.process_time() - began, time.process_time() - read


def _tshark_s(capture: Path) -> float:
    """Return its CPU seconds."""
    fields = [word for name in FIELDS for word in ("-e", name)]
    argv = ["tshark", "-n", "-r", str(capture), "-d", "udp.port==7882,rtp", "-T", "fields", *fields]
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    assert said.count(b"\n") == PACKETS
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
