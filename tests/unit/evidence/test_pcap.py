"""Capture files: read whole, or refused with the byte at which they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import EvidenceError
from lab.evidence.pcap import FILE_HEADER, RECORD_HEADER, read_records
from lab.evidence.rtp import read_capture
from tests.unit.evidence.wire import Record, capture, frame, rtp, saved

TWO = [Record(data=frame(rtp(extension=b"\x10\x05"))), Record(data=frame(rtp()), seconds=1_001)]


@pytest.mark.parametrize(
    ("style", "t_ns"),
    [("<u", 1_000_000_005_000), (">u", 1_000_000_005_000), ("<n", 1_000_000_000_005), (">n", 1_000_000_000_005)],
)
def test_reads_either_order_and_either_unit(tmp_path: Path, style: str, t_ns: int) -> None:
    """The four magics of pcap-savefile(5) give the same packets; only the unit of time differs."""
    records = read_records(saved(tmp_path / "x.pcap", capture(TWO, style=style)))
    assert records.t_ns[0] == t_ns
    assert records.captured.tolist() == records.length.tolist() == [len(each.data) for each in TWO]
    assert records.start.tolist() == [40, 40 + len(TWO[0].data) + RECORD_HEADER]


def test_an_empty_capture_has_no_packets(tmp_path: Path) -> None:
    """A header alone is a capture in which nothing came by."""
    found = read_capture(saved(tmp_path / "x.pcap", capture([])))
    assert found.packets.size == 0
    assert found.torn == ""


def test_a_file_cut_at_any_byte_is_refused_or_told(tmp_path: Path) -> None:
    """For every length: whole at a record's end; else refused, and with leave given read up to the torn record."""
    whole = capture(TWO)
    ends = {FILE_HEADER: 0, FILE_HEADER + RECORD_HEADER + len(TWO[0].data): 1, len(whole): 2}
    for size in range(len(whole) + 1):
        path = saved(tmp_path / "x.pcap", whole[:size])
        if size in ends:
            assert read_records(path).t_ns.size == ends[size]
            continue
        with pytest.raises(EvidenceError, match="not a pcap file" if size < 4 else f"ends at byte {size}"):
            read_records(path)
        if size > FILE_HEADER:
            records = read_records(path, allow_torn_tail=True)
            begins = max(end for end in ends if end < size)
            assert records.t_ns.size == ends[begins]
            assert f"record that begins at byte {begins}" in records.torn


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "pcapng"),
        (b"\x1f\x8b\x08\x00" + bytes(40), "begins with 1f8b0800"),
        (b"", "begins with nothing"),
        (capture(TWO, link=113), "link type 113, not Ethernet"),
    ],
)
def test_foreign_files_are_named(tmp_path: Path, data: bytes, words: str) -> None:
    """pcapng, gzip, nothing at all, and a capture on the `any` device (Linux cooked, 113)."""
    with pytest.raises(EvidenceError, match=words):
        read_records(saved(tmp_path / "x.pcap", data))


@pytest.mark.parametrize("record", [Record(data=b"x" * 60, wire=59), Record(data=bytes(262_145))])
def test_impossible_lengths_are_refused_with_their_byte(tmp_path: Path, record: Record) -> None:
    """More captured than was on the wire, or more than libpcap ever captures, is damage."""
    with pytest.raises(EvidenceError, match="the record at byte 24 says"):
        read_records(saved(tmp_path / "x.pcap", capture([record])))


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    """EvidenceError, not OSError."""
    with pytest.raises(EvidenceError, match="No such file"):
        read_records(tmp_path / "x.pcap")
