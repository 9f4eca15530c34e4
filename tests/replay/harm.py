"""What can happen to a stored recording's pieces: taken away, cut, swapped for another run's, or at odds with the rest.

Law: seeded; the same recording and seed are always harmed in the same way. What is harmed is sealed again where the
seal is not what is tried: then the judge has only the evidence to notice by.
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from lab.evidence import names
from lab.evidence.store import evidence_files

Harm = Callable[[Path, Random, Path], None]
"""Harms the given file of a run; the third is the same file of another run, which may not be there."""
_PCAP_HEADER = 24


def pieces(run: Path) -> list[str]:
    """Return the files of `run` that a verdict is read from."""
    return sorted(name for name in evidence_files(run) if names.is_judged(name))


def delete(file: Path, _rng: Random, _other: Path) -> None:
    """Take it away."""
    file.unlink()


def empty(file: Path, _rng: Random, _other: Path) -> None:
    """Leave nothing in it."""
    file.write_bytes(b"")


def tear(file: Path, rng: Random, _other: Path) -> None:
    """Cut it anywhere."""
    data = file.read_bytes()
    file.write_bytes(data[: rng.randrange(len(data))] if data else b"")


def shorten(file: Path, rng: Random, _other: Path) -> None:
    """Cut it behind a line, so that nothing looks torn."""
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[: rng.randrange(len(lines))] if lines else []))


def swap(file: Path, _rng: Random, other: Path) -> None:
    """Put another run's in its place, or take it away when that has none."""
    file.unlink()
    if other.is_file():
        shutil.copyfile(other, file)


def scramble(file: Path, rng: Random, _other: Path) -> None:
    """Overwrite some bytes with others."""
    data = bytearray(file.read_bytes())
    for _ in range(8 if data else 0):
        data[rng.randrange(len(data))] = rng.randrange(256)
    file.write_bytes(bytes(data))


def repeat(file: Path, rng: Random, _other: Path) -> None:
    """Write some of its lines, or all of its bytes behind the head, twice."""
    lines = file.read_bytes().splitlines(keepends=True)
    at = rng.randrange(len(lines)) if lines else 0
    file.write_bytes(b"".join([*lines[:at], *lines[at : at + 3], *lines[at:]]))


def disagree(file: Path, rng: Random, _other: Path) -> None:
    """Change one number throughout: JSON lines say something else, captures miss packets, sound is another length."""
    if file.suffix == ".jsonl":
        _numbers(file, rng)
    elif file.suffix == ".pcap":
        file.write_bytes(_thinned(file.read_bytes(), rng))
    else:
        data = file.read_bytes()
        file.write_bytes(data + data[: 2 * rng.randrange(1, 500)])


def _numbers(file: Path, rng: Random) -> None:
    """Scale one of the numeric fields of a JSON-lines file, wherever it stands."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    fields = sorted({field for line in lines[1:] for field in _fields(line)})
    if not fields:
        return
    chosen, factor = rng.choice(fields), rng.choice([0, -1, 2, 0.5, 1000])
    file.write_text("".join(json.dumps(_scaled(line, chosen, factor)) + "\n" for line in lines))


def _fields(value: Any, name: str = "") -> list[str]:
    if isinstance(value, dict):
        return [found for key, one in value.items() for found in _fields(one, key)]
    if isinstance(value, list):
        return [found for one in value for found in _fields(one, name)]
    return [name] if type(value) in (int, float) else []


def _scaled(value: Any, chosen: str, factor: float, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _scaled(one, chosen, factor, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_scaled(one, chosen, factor, name) for one in value]
    if name != chosen or type(value) not in (int, float):
        return value
    return type(value)(value * factor)


def _thinned(capture: bytes, rng: Random) -> bytes:
    """Leave out a stretch of a capture's packets."""
    kept, at, index = [capture[:_PCAP_HEADER]], _PCAP_HEADER, 0
    first = rng.randrange(200, 600)
    while at + 16 <= len(capture):
        size = 16 + struct.unpack_from("<I", capture, at + 8)[0]
        if not first <= index < first + 40:
            kept.append(capture[at : at + size])
        at, index = at + size, index + 1
    return b"".join(kept)


FORGED: Sequence[Harm] = (scramble, repeat, disagree)
"""What only the seal can notice for sure: the file is well-formed and says something else."""
CUT: Sequence[Harm] = (delete, empty, tear, shorten)
FOREIGN: Sequence[Harm] = (swap,)
HARMS: Sequence[Harm] = (*CUT, *FOREIGN, *FORGED)
