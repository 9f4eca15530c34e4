"""How fast captures are read: packets per second on one core, found, and classified.

    python tests/bench/pcap_rate.py [PACKETS] [CAPTURE]

Without CAPTURE it writes a synthetic one (audio RTP of 120 … 270 bytes with a level extension, one packet in 50
STUN) into a temporary folder. Prints the best of five by CPU time, the file in the page cache.
"""

from __future__ import annotations

import random
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lab.evidence.pcap import read_records
from lab.evidence.rtp import classify

ROUNDS = 5


def frame(index: int, draw: random.Random) -> bytes:
    """Return an Ethernet frame with an RTP packet as a LiveKit client sends it; every 50th is STUN."""
    size = draw.randint(120, 270)
    level = bytes([0x10, draw.randint(0, 127)]) + bytes([0x22, 1, 2, 3]) + bytes([0x31, 0, index & 255, 0, 0, 0])
    rtp = struct.pack(">BBHIIHH", 0x90, 63, index & 0xFFFF, index * 960 & 0xFFFFFFFF, 7, 0xBEDE, 3) + level
    stun = struct.pack(">HHI", 1, 0, 0x2112A442) + bytes(12)
    payload = stun if index % 50 == 0 else rtp + draw.randbytes(size)
    udp = struct.pack(">HHHH", 50_000, 7882, 8 + len(payload), 0) + payload
    words = (0x4500, 20 + len(udp), 0, 0, 64 << 8 | 17, 0, 0xC612, 0x0001, 0xC612, 0x0002)
    total = sum(words)
    checksum = 0xFFFF - (total % 0xFFFF or 0xFFFF)  # RFC 1071
    ip = struct.pack(">10H", *words[:5], checksum, *words[6:])
    return bytes(12) + b"\x08\x00" + ip + udp


def write_capture(path: Path, count: int) -> None:
    """Write `count` frames as a nanosecond pcap."""
    draw = random.Random(1)
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1))
        for index in range(count):
            data = frame(index, draw)
            file.write(struct.pack("<IIII", index // 50, index % 50 * 20_000_000, len(data), len(data)) + data)


def best_s(work: Callable[[], object]) -> float:
    """Return the least CPU time of `ROUNDS` runs of `work`."""
    durations = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        durations.append(time.process_time() - began)
    return min(durations)


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "synthetic.pcap"
        if len(sys.argv) <= 2:
            write_capture(path, count)
        records = read_records(path)
        packets = classify(records)
        rows = {
            "read_records": lambda: read_records(path),
            "classify": lambda: classify(records),
            "read_records + classify": lambda: classify(read_records(path)),
        }
        for name, work in rows.items():
            print(f"{name:24} {packets.size / best_s(work) / 1e6:6.2f} million packets/s  ({packets.size} packets)")


if __name__ == "__main__":
    main()
