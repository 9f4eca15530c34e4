"""How fast packets get from a capture into the ledger, against `tshark -T fields` of the same facts.

Both read the same synthetic capture (`pcap_rate`), and give of every packet what the ledger is made of: time, stations,
addresses, length, whether IP's checksum fits, RTP's header, the header extensions that hold the level, and the datagram
itself, which tshark prints and of which the lab takes a digest. That they agree is looked at before anything is
measured. The lab also lays the stream of each sender out by its sequence numbers. Each by its CPU seconds, which other
programs on the machine do not lengthen; neither uses more than one CPU.
"""

from __future__ import annotations

import argparse
import io
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lab.analysis.wire.streams import rtp_of, stream
from lab.evidence.octets import distinct
from lab.evidence.rtp import read_capture
from lab.evidence.values import KIND_RTP
from tests.bench.figures import Figure
from tests.bench.pcap_rate import write_capture

PACKETS, LOOKED_AT = 300_000, 3_000
HEADERS = (
    "frame.time_epoch", "ip.src", "ip.dst", "udp.srcport", "udp.dstport", "frame.len",
    "rtp.ssrc", "rtp.seq", "rtp.timestamp", "rtp.p_type", "rtp.marker",
)  # fmt: skip
"""What tshark alone was asked for up to November 30, of a lab that did no less than today: measured beside the rest."""
FACTS = (
    *HEADERS, "eth.dst", "ip.proto", "ip.checksum.status", "rtp.ext.rfc5285.id", "rtp.ext.rfc5285.data", "udp.payload",
)  # fmt: skip
READINGS = 5
"""Of the lab in a round, of which the median counts: one takes a fortieth of tshark's, and wavers with its moment."""
ROUND_S = 16.0
"""About what a round takes."""


def packets(asked: argparse.Namespace) -> Iterator[Figure]:
    """Measure both, in turn."""
    if shutil.which("tshark") is None:
        raise SystemExit("packets: no tshark here: `make bench` installs it, so does apt-get install tshark")
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        capture, few = Path(folder) / "synthetic.pcap", Path(folder) / "few.pcap"
        write_capture(few, LOOKED_AT)
        _agree(few)
        write_capture(capture, PACKETS)
        taken = [_round(capture) for _ in range(asked.rounds)]
    yield Figure.of(
        "packets",
        [theirs / ours for ours, _, theirs, _ in taken],
        packets=PACKETS,
        lab_per_s=[round(PACKETS / ours) for ours, _, _, _ in taken],
        lab_streams_alone_per_s=[round(PACKETS / streams) for _, streams, _, _ in taken],
        tshark_per_s=[round(PACKETS / theirs) for _, _, theirs, _ in taken],
        tshark_headers_alone_per_s=[round(PACKETS / headers) for _, _, _, headers in taken],
        ratios_headers_alone=[round(headers / ours, 4) for ours, _, _, headers in taken],
    )


def packets_s(asked: argparse.Namespace) -> float:
    """Return about how long that takes."""
    return asked.rounds * ROUND_S


def _round(capture: Path) -> tuple[float, float, float, float]:
    """Return CPU seconds: the lab's, of them those of streams, tshark's, and tshark's for headers alone."""
    return *_median(_lab_s(capture) for _ in range(READINGS)), _tshark_s(capture, FACTS), _tshark_s(capture, HEADERS)


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


def _tshark_s(capture: Path, fields: Sequence[str]) -> float:
    """Return its CPU seconds."""
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert _tshark(capture, fields).count(b"\n") == PACKETS
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime


def _tshark(capture: Path, fields: Sequence[str]) -> bytes:
    """Return what tshark prints of `capture`: a line per packet."""
    asked = [word for name in fields for word in ("-e", name)]
    verify = f"ip.check_checksum:{'TRUE' if 'ip.checksum.status' in fields else 'FALSE'}"
    argv = ["tshark", "-n", "-r", str(capture), "-d", "udp.port==7882,rtp", "-o", verify, "-T", "fields", *asked]
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def _agree(capture: Path) -> None:
    """Refuse to measure two readers that do not read the same in `capture`. AssertionError names the fact."""
    said = io.BytesIO(_tshark(capture, FACTS))
    theirs = pd.read_csv(said, sep="\t", names=list(FACTS), dtype=str, keep_default_na=False)
    ours, rtp = read_capture(capture).packets, theirs["rtp.seq"] != ""
    assert np.array_equal(ours["kind"] == KIND_RTP, rtp), "which packets are RTP"
    for name, field in {"seq": "rtp.seq", "ts": "rtp.timestamp", "pt": "rtp.p_type", "marker": "rtp.marker"}.items():
        assert np.array_equal(ours[name][rtp], theirs[field][rtp].astype(int)), field
    assert np.array_equal(ours["length"], theirs["frame.len"].astype(int)), "frame.len"
    assert np.array_equal(ours["ssrc"][rtp], [int(each, 16) for each in theirs["rtp.ssrc"][rtp]]), "rtp.ssrc"
    levels = theirs["rtp.ext.rfc5285.data"][rtp].str[:2].map(lambda octet: int(octet, 16) & 127)
    assert np.array_equal(ours["level"][rtp], levels), "rtp.ext.rfc5285.data"
    assert (theirs["ip.checksum.status"] == "1").all(), "ip.checksum.status"
    same = pd.DataFrame({"digest": ours["digest"], "datagram": theirs["udp.payload"]}).drop_duplicates()
    assert len(same) == same["digest"].nunique() == same["datagram"].nunique(), "udp.payload"
