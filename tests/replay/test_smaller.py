"""What makes recordings small changes nothing that decides: packets compare as before, sound is the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lab.evidence.rtp import read_capture
from lab.evidence.values import HeardAudio, Packets, Read
from lab.scenario.load import load
from tests.replay.record import SHORT, TAKES
from tests.replay.smaller import cut, pack, silence, unpack
from tests.unit.evidence.wire import Record, capture, ethernet, frame, ipv4, rtp, saved

LEVEL = bytes([0x10, 0x8C])
PACKETS = [
    frame(rtp()),
    frame(rtp(extension=LEVEL)),
    frame(rtp(extension=LEVEL, csrcs=2, marker=1)),
    frame(b"\x80\xc8" + bytes(26)),  # RTCP sender report
    frame(b"\x00\x01\x00\x08\x21\x12\xa4\x42" + bytes(40)),  # STUN
    frame(bytes([22, 254, 253]) + bytes(90)),  # DTLS
    frame(b"x" * 1200),
    frame(b"y"),
    ethernet(ipv4(bytes(40), proto=6)),
    ethernet(bytes(28), 0x0806),
    ethernet(ipv4(b"")),
]


def packets(folder: Path, data: bytes) -> Packets:
    """Read a capture file with these bytes."""
    return read_capture(saved(folder / "one.pcap", data)).packets


def test_cutting_leaves_all_but_the_payload(tmp_path: Path) -> None:
    """Every field of every kind of packet is read as before, lengths on the wire included; only digests are others."""
    whole = capture([Record(data=one, seconds=i) for i, one in enumerate(PACKETS)])
    before, after = packets(tmp_path, whole).copy(), packets(tmp_path, cut(whole)).copy()
    assert len(cut(whole)) < len(whole)
    for name in before.dtype.names or ():
        assert name == "digest" or before[name].tolist() == after[name].tolist(), name


@pytest.mark.parametrize("packet", [0, 1, 2, 6])
def test_cut_packets_are_equal_when_they_were_and_altered_when_they_were(packet: int, tmp_path: Path) -> None:
    """One bit flipped anywhere behind the UDP header, however far behind what is kept, still shows."""
    original = PACKETS[packet]
    for at in (43, 60, len(original) - 1):
        altered = original[:at] + bytes([original[at] ^ 1]) + original[at + 1 :]
        found = packets(tmp_path, cut(capture([Record(data=one) for one in (original, original, altered)])))["digest"]
        assert found[0] == found[1] != found[2]


def test_sound_comes_back_byte_for_byte(tmp_path: Path) -> None:
    """Noise over all 16 bits, silence, and no sound at all."""
    noise = np.random.default_rng(3).integers(-(2**15), 2**15, 20_000, np.int16)
    for i, samples in enumerate((noise, np.zeros(5_000, np.int16), np.zeros(0, np.int16))):
        pcm = saved(tmp_path / f"heard-{i}.pcm", samples.tobytes())
        pack(pcm)
        assert pcm.exists() == (not samples.size)
        for flac in tmp_path.glob("*.flac"):
            unpack(flac)
        assert pcm.read_bytes() == samples.tobytes()
        assert not list(tmp_path.glob("*.flac"))


def test_sound_is_silenced_only_outside(tmp_path: Path) -> None:
    """Between the two moments, by the program's own notes, every sample stays, and none is taken away."""
    loud = np.full(48_000, 7, np.int16)
    pcm = saved(tmp_path / "heard-publisher.pcm", loud.tobytes())
    reads = tuple(Read(t_ns=n * 10_000_000, samples=n * 480) for n in range(101))
    silence(pcm, HeardAudio(publisher="publisher", samples=loud, reads=reads), 250_000_000, 500_000_000)
    assert np.flatnonzero(np.fromfile(pcm, "<i2")).tolist() == list(range(12_000, 24_000))


@pytest.mark.parametrize("name", TAKES)
def test_what_is_recorded_anew_can_be(name: str) -> None:
    """Every take is a scenario that loads, of 8 s of media."""
    assert load(TAKES[name].scenario, sets=(*SHORT, *TAKES[name].sets)).media.duration_ms == 8_000
