"""What a captured frame is: addresses, kind, and the clear part of RTP."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.evidence import rtp as rtp_module
from lab.evidence.digest import digests
from lab.evidence.rtp import read_capture
from lab.evidence.values import KIND_ARP, KIND_DTLS, KIND_OTHER, KIND_RTCP, KIND_RTP, KIND_STUN, Packets
from tests.unit.evidence.wire import (
    PUBLISHER,
    SERVER,
    Record,
    capture,
    ethernet,
    frame,
    ipv4,
    rtp,
    saved,
    udp,
)

STUN = struct.pack(">HHI", 1, 0, 0x2112A442) + bytes(12)
LEVEL_5 = b"\x10\x85"  # id 1, one byte: V bit set, level 5


def read(tmp_path: Path, *frames: bytes, level_id: int | None = 1) -> Packets:
    """Return the packets of a capture of `frames`."""
    path = saved(tmp_path / "x.pcap", capture([Record(data=data) for data in frames]))
    return read_capture(path, level_ids={} if level_id is None else {PUBLISHER: level_id}).packets


def digest(datagram: bytes) -> int:
    """Return the digest of `datagram`."""
    return int(digests(np.frombuffer(datagram, np.uint8), np.array([0]), np.array([len(datagram)]))[0])


def test_every_field_of_an_rtp_packet(tmp_path: Path) -> None:
    """RFC 3550 header at its largest numbers, RFC 6464 level, addresses, length on the wire, digest of the datagram."""
    payload = rtp(extension=LEVEL_5, marker=1)
    (packet,) = read(tmp_path, frame(payload))
    assert (packet["src"], packet["dst"], packet["sport"], packet["dport"]) == (PUBLISHER, SERVER, 50_000, 7882)
    assert (packet["proto"], packet["kind"], packet["pt"], packet["marker"]) == (17, KIND_RTP, 63, 1)
    assert (packet["seq"], packet["ts"], packet["ssrc"]) == (65_535, 0xFFFFFFF0, 0x12345678)
    assert (packet["level"], packet["length"]) == (5, len(frame(payload)))
    assert packet["digest"] == digest(udp(payload))


@pytest.mark.parametrize(("options", "padding"), [(b"", b""), (bytes(12), b""), (b"", bytes(6))])
def test_which_bytes_of_a_tcp_stream_a_segment_carries(tmp_path: Path, options: bytes, padding: bytes) -> None:
    """RFC 9293: number, ports, and as much as IPv4 says, whatever Ethernet pads; one cut short carries it all the same.

    No UDP: no digest.
    """
    words = (20 + len(options)) // 4
    header = struct.pack(">HHIIBBHHH", 7880, 40_000, 0xFFFFFFF0, 9, words << 4, 0x18, 512, 0, 0) + options
    whole = ethernet(ipv4(header + b"told", proto=6)) + padding
    path = saved(tmp_path / "x.pcap", capture([Record(data=whole), Record(data=whole[: 34 + 20], wire=len(whole))]))
    packets = read_capture(path, level_ids={}).packets
    assert len(packets) == 2
    for packet in packets:
        assert (packet["sport"], packet["dport"], packet["tcp_seq"]) == (7880, 40_000, 0xFFFFFFF0)
        assert (packet["tcp_bytes"], packet["kind"], packet["digest"]) == (4, KIND_OTHER, 0)


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (STUN, KIND_STUN),
        (STUN[:19], KIND_OTHER),
        (bytes(20), KIND_OTHER),
        (b"\x04" + STUN[1:], KIND_OTHER),
        (b"\x14" + bytes(12), KIND_DTLS),
        (b"\x3f" + bytes(12), KIND_DTLS),
        (b"\x40" + bytes(12), KIND_OTHER),
        (b"\x14" + bytes(11), KIND_OTHER),
        (b"\x80\xc8" + bytes(6), KIND_RTCP),
        (b"\xbf\xdf" + bytes(6), KIND_RTCP),
        (b"\x80\xbf" + bytes(10), KIND_RTP),
        (b"\x80\xe0" + bytes(10), KIND_RTP),
        (b"\x80\x3f" + bytes(9), KIND_OTHER),
        (b"\x80\xc8" + bytes(5), KIND_OTHER),
        (b"\xc0" + bytes(20), KIND_OTHER),
        (b"\xff" * 1_200, KIND_OTHER),
        (b"", KIND_OTHER),
    ],
)
def test_kinds_by_their_first_bytes(tmp_path: Path, payload: bytes, kind: int) -> None:
    """RFC 7983's ranges at their edges, RFC 5761's RTCP, STUN's cookie; too short for its header is nothing."""
    assert read(tmp_path, frame(payload))["kind"].tolist() == [kind]


def test_what_is_not_udp(tmp_path: Path) -> None:
    """ARP is a kind; IPv6 has protocol 0; TCP keeps its addresses; a later fragment is never read as a datagram."""
    fragment = ethernet(ipv4(udp(rtp()), fragment=0x00B9))
    packets = read(
        tmp_path, ethernet(bytes(28), 0x0806), ethernet(bytes(60), 0x86DD), ethernet(ipv4(bytes(40), proto=6)), fragment
    )
    assert packets["kind"].tolist() == [KIND_ARP, KIND_OTHER, KIND_OTHER, KIND_OTHER]
    assert packets["proto"].tolist() == [0, 0, 6, 17]
    assert packets["dst"].tolist() == [0, 0, SERVER, SERVER]
    assert packets["digest"].tolist() == [0, 0, 0, 0]


def test_ip_options_and_csrcs_move_the_rest(tmp_path: Path) -> None:
    """A longer IP header (RFC 791) and contributing sources (RFC 3550) shift everything behind them."""
    data = ethernet(ipv4(udp(rtp(extension=LEVEL_5, csrcs=3)), options=bytes(8)))
    assert read(tmp_path, data)[["kind", "seq", "level"]].tolist() == [(KIND_RTP, 65_535, 5)]


def test_headers_of_several_lengths_side_by_side(tmp_path: Path) -> None:
    """What stands behind a longer IP header (RFC 791) is no other than what stands behind a plain one, TCP between."""
    segment = ethernet(ipv4(struct.pack(">HHIIBBHHH", 7880, 40_000, 9, 9, 0x50, 0x18, 512, 0, 0), proto=6))
    plain, moved = (ethernet(ipv4(udp(rtp(extension=LEVEL_5)), options=bytes(some))) for some in (0, 12))
    fields = ["kind", "sport", "dport", "pt", "seq", "ts", "ssrc", "level", "digest"]
    alone = read(tmp_path, plain)[fields].tolist()
    assert read(tmp_path, plain, moved, segment, moved, plain)[[0, 1, 3, 4]][fields].tolist() == alone * 4


def test_a_station_is_the_commonest_of_its_own_address(tmp_path: Path) -> None:
    """Two receivers, a station each; one frame to the first goes to the second's station, and is altered."""
    to_server = frame(rtp())
    to_other = bytes([2]) * 6 + to_server[6:30] + bytes([198, 18, 0, 99]) + to_server[34:]
    stray = to_other[:6] + to_server[6:]
    digests = read(tmp_path, to_server, to_other, stray, to_other, to_server)["digest"].tolist()
    assert digests[0] == digests[4] == digests[2] ^ 2
    assert digests[1] == digests[3]


def test_padding_of_short_frames_is_not_payload(tmp_path: Path) -> None:
    """Ethernet pads to 60 bytes: the datagram ends where its length says, so both sides of a link agree."""
    short = frame(b"\xffabc")
    packets = read(tmp_path, short, short + bytes(14))
    assert packets["digest"].tolist() == [digest(udp(b"\xffabc"))] * 2


@pytest.mark.parametrize("at", [15, 18, 22, 24, 36, 40, 43])
def test_a_flipped_bit_outside_the_payload_is_seen_too(tmp_path: Path, at: int) -> None:
    """Type of service, identification, time to live, checksum; port, length's neighbour and checksum of UDP."""
    whole = frame(rtp())
    flipped = whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]
    before, after = read(tmp_path, whole, flipped)["digest"]
    assert before != after


def test_a_frame_to_another_station_is_altered(tmp_path: Path) -> None:
    """Of three alike one has a bit of its Ethernet address flipped: the router does not take it."""
    whole = frame(rtp())
    digests = read(tmp_path, whole, b"\x10" + whole[1:], whole)["digest"].tolist()
    assert digests[0] == digests[2] != digests[1]


def test_a_router_changes_time_to_live_and_checksum_and_nothing_else(tmp_path: Path) -> None:
    """One hop on (RFC 1141): the same digest."""
    whole = frame(rtp())
    sum_on = int.from_bytes(whole[24:26]) + 0x100
    routed = whole[:22] + bytes([63]) + whole[23:24] + ((sum_on & 0xFFFF) + (sum_on >> 16)).to_bytes(2) + whole[26:]
    before, after = read(tmp_path, whole, routed)["digest"]
    assert before == after


@pytest.mark.parametrize("claimed", [0, 7])
def test_a_datagram_shorter_than_its_header_is_empty(tmp_path: Path, claimed: int) -> None:
    """A UDP length below 8 (RFC 768) cannot be; nothing behind the header is read."""
    packets = read(tmp_path, ethernet(ipv4(udp(rtp(), size=claimed))))
    assert packets[["kind", "digest"]].tolist() == [(KIND_OTHER, digest(udp(rtp(), size=claimed)[:8]))]


@pytest.mark.parametrize(
    ("extension", "level"),
    [
        (LEVEL_5, 5),
        (b"\x22\x01\x02\x03\x10\x7f", 127),
        (b"\x00\x00" + LEVEL_5, 5),
        (b"\xf0\x00" + LEVEL_5, -1),
        (b"\x22\x01\x02\x03", -1),
        (b"\x22\x01\x02\x10", -1),
        (b"\x00\x00\x00\x10", -1),
    ],
)
def test_levels_in_one_byte_extensions(tmp_path: Path, extension: bytes, level: int) -> None:
    """RFC 8285: behind others, behind padding, not behind id 15, not where another element's bytes look like one."""
    assert read(tmp_path, frame(rtp(extension=extension)))["level"].tolist() == [level]


def test_other_numbers_and_other_profiles(tmp_path: Path) -> None:
    """The extension's number is negotiated; a two-byte extension (0x1000) is not read as one-byte."""
    data = frame(rtp(extension=b"\x30\x09"))
    assert read(tmp_path, data)["level"].tolist() == [-1]
    assert read(tmp_path, data, level_id=3)["level"].tolist() == [9]
    assert read(tmp_path, frame(rtp(extension=LEVEL_5, profile=0x1000)))["level"].tolist() == [-1]


def test_a_number_that_nobody_described_is_inferred(tmp_path: Path) -> None:
    """Of the elements of one byte, the level is the one that changes: not the constant mid, nor a longer one."""
    packets = [frame(rtp(extension=bytes([0x40, 0x30, 0x22, 1, i, 3, 0x50, 0x80 | i]))) for i in range(4)]
    assert read(tmp_path, *packets, level_id=None)["level"].tolist() == [0, 1, 2, 3]
    assert read(tmp_path, *packets, level_id=4)["level"].tolist() == [0x30] * 4
    assert read(tmp_path, frame(rtp(extension=b"\x22\x01\x02\x03")), level_id=None)["level"].tolist() == [-1]


def test_an_extension_longer_than_its_packet_is_not_read(tmp_path: Path) -> None:
    """Nothing beyond a packet's end is taken for its own, though another packet's bytes lie there."""
    header = b"\x90\x3f" + bytes(10)
    packets = read(
        tmp_path, frame(header + struct.pack(">HH", 0xBEDE, 2) + b"\x22\x00\x00\x00"), frame(header + b"\xbe")
    )
    assert packets["level"].tolist() == [-1, -1]


@pytest.mark.parametrize("captured", [13, 33, 41, 53, 57])
def test_what_was_not_captured_is_not_guessed(tmp_path: Path, captured: int) -> None:
    """Cut within Ethernet, IP, UDP, RTP or the extension: the length on the wire stays, the rest is not made up."""
    whole = frame(rtp(extension=LEVEL_5))
    path = saved(tmp_path / "x.pcap", capture([Record(data=whole[:captured], wire=len(whole)), Record(data=whole)]))
    packet, intact = read_capture(path).packets
    assert packet["length"] == len(whole)
    assert packet["level"] == -1
    assert packet["kind"] == (KIND_RTP if captured >= 54 else KIND_OTHER)
    assert packet["dst"] == (SERVER if captured >= 34 else 0)
    assert intact["level"] == 5


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_it_does_not_matter_how_many_are_read_at_once(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Levels, stations and digests of a capture read in parts are those of one read whole."""
    levels = [frame(rtp(extension=bytes([0x40, 0x30, 0x50, 0x80 | i]))) for i in range(5)]
    frames = [*levels[:3], b"\x10" + levels[0][1:], ethernet(ipv4(bytes(40), proto=6)), frame(STUN), *levels]
    whole = read(tmp_path, *frames, level_id=None)
    monkeypatch.setattr(rtp_module, "_PART", size)
    assert read(tmp_path, *frames, level_id=None).tolist() == whole.tolist()
    assert whole["level"].tolist() == [0, 1, 2, 0, -1, -1, 0, 1, 2, 3, 4]


def test_short_and_long_ones_side_by_side(tmp_path: Path) -> None:
    """Datagrams and extensions of all sizes are theirs to the last octet, with options in the IP header and without."""
    datagrams = [udp(bytes([0x80 + size % 2]) + bytes(size)) for size in (0, 7, 40, 300, 511, 513, 1_400)]
    found = read(tmp_path, *(ethernet(ipv4(each, options=b"\1" * 4 * i)) for each in datagrams for i in range(2)))
    assert found["digest"].tolist() == [digest(each) for each in datagrams for _ in range(2)]
    padded = [bytes(padding) + LEVEL_5 + bytes(2) for padding in (0, 44, 48, 90)]
    frames = [frame(rtp(extension=each, csrcs=csrcs)) for each in padded for csrcs in (0, 2)]
    assert read(tmp_path, *frames)["level"].tolist() == [5] * len(frames)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=90), min_size=1, max_size=8))
def test_no_bytes_make_it_fail(tmp_path_factory: pytest.TempPathFactory, frames: list[bytes]) -> None:
    """Whatever was on the wire, each record is one packet, in order."""
    path = saved(tmp_path_factory.mktemp("fuzz") / "x.pcap", capture([Record(data=data) for data in frames]))
    assert read_capture(path).packets["length"].tolist() == [len(data) for data in frames]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=8))
def test_no_payload_is_rtp_but_by_its_first_byte(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes]
) -> None:
    """The vectorized classes agree with RFC 7983 and RFC 5761 read one packet at a time."""
    path = saved(tmp_path_factory.mktemp("fuzz") / "x.pcap", capture([Record(data=frame(each)) for each in payloads]))
    expected = [len(each) >= 12 and 128 <= each[0] <= 191 and not 192 <= each[1] <= 223 for each in payloads]
    packets = read_capture(path).packets
    assert (packets["kind"] == KIND_RTP).tolist() == expected
    assert packets["digest"].tolist() == [digest(udp(each)) for each in payloads]
    assert np.all(packets["proto"] == 17)
