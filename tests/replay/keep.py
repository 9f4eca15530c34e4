"""Make a stored recording, and its verdict, out of a real run: `python -m tests.replay.keep RUN NAME`.

Packets are cut behind their headers (the payloads are encrypted, and equal cuts on every tap still compare), the PCM
and the server's debug log are left out, and the folder is sealed anew. Nothing else is touched.
"""

from __future__ import annotations

import shutil
import struct
import sys
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

from lab.batch.one import judged
from lab.evidence import names
from lab.evidence.recording import read_manifest
from lab.evidence.store import RunFolder

STORED = Path(__file__).parent / "recordings"
KEPT_BYTES = 14 + 20 + 8 + 12 + 16 + 16
"""Ethernet, IPv4, UDP, RTP, its extension, and the first bytes of the payload, which tell packets apart."""
LEFT_OUT = ("clients/*/heard-*.pcm", names.SERVER_LOG, names.SERVER_METRICS)
_RECORD = struct.Struct("<IIII")


def cut(capture: bytes, kept: int = KEPT_BYTES) -> bytes:
    """Return the little-endian pcap `capture` with at most `kept` bytes of each packet; lengths on the wire stay."""
    pieces, at = [capture[:24]], 24
    while at < len(capture):
        seconds, fraction, captured, original = _RECORD.unpack_from(capture, at)
        begin, at = at + _RECORD.size, at + _RECORD.size + captured
        less = min(captured, kept)
        pieces += [_RECORD.pack(seconds, fraction, less, original), capture[begin : begin + less]]
    return b"".join(pieces)


def keep(run: Path, name: str) -> Path:
    """Store `run` as `recordings/<name>.tar.xz` and return that path."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / name
        shutil.copytree(run, folder, ignore=shutil.ignore_patterns(names.DERIVED))
        for pattern in LEFT_OUT:
            for file in folder.glob(pattern):
                file.unlink()
        for file in folder.glob("captures/*.pcap"):
            file.write_bytes(cut(file.read_bytes()))
        manifest = read_manifest(folder)
        RunFolder(folder, replace(manifest, phases=manifest.phases[:-1])).seal()
        target = STORED / f"{name}.tar.xz"
        target.parent.mkdir(exist_ok=True)
        with tarfile.open(target, "w:xz", preset=9) as archive:
            archive.add(folder, arcname=name)
        (STORED / f"{name}.json").write_text(judged(folder).json)
    return target


if __name__ == "__main__":
    stored = keep(Path(sys.argv[1]), sys.argv[2])
    print(f"{stored}: {stored.stat().st_size / 1000:.0f} kB")
