"""Make a stored recording, and its verdict, out of a real run: `python -m tests.replay.keep RUN NAME`.

The folder is made smaller (`smaller`), sealed anew and packed; it is refused when that changed the verdict, or
when it is too big for the repository.
"""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

from lab.analysis.flows.case import Case, asked_of, case_of
from lab.batch.runs.one import judged
from lab.evidence import names
from lab.evidence.manifest import read_manifest
from lab.evidence.reading import read
from lab.evidence.recording import Recording
from lab.evidence.store import RunFolder
from tests.replay import smaller

STORED = Path(__file__).parent / "recordings"
NAMES = sorted(path.name.removesuffix(".tar.xz") for path in STORED.glob("*.tar.xz"))
LARGEST = 400_000
LEFT_OUT = (names.SERVER_LOG, names.SERVER_METRICS)
"""Kept for people; no verdict is read from them."""
MARGINS_NS = ((300_000_000, 800_000_000), (1_000_000_000, 2_000_000_000), (60_000_000_000, 60_000_000_000))
"""How much sound is left on either side of the measured media, tried in turn: an ear needs some to find its place."""


class UnfitRunError(Exception):
    """A run that cannot be stored."""


def keep(run: Path, name: str) -> Path:
    """Store `run` as `recordings/<name>.tar.xz` with its verdict, and return that path. UnfitRunError."""
    whole = _answers(judged(run).json)
    with tempfile.TemporaryDirectory() as work:
        for margin in MARGINS_NS:
            folder = Path(work) / name
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(run, folder, ignore=shutil.ignore_patterns(names.DERIVED))
            _shrink(folder, margin)
            reseal(folder)
            verdict = judged(folder).json
            if _answers(verdict) == whole:
                target = _packed(folder, name)
                (STORED / f"{name}.json").write_text(verdict)
                return target
    raise UnfitRunError(f"{run}: what was cut away decides something")


def _answers(verdict: str) -> object:
    """Return a verdict without the figures that a shorter sound may move by a fraction of a millisecond."""
    found = json.loads(verdict)
    for flow in (flow for run in found["runs"] for flow in run["flows"]):
        flow.pop("symptoms")
        flow.pop("metrics")
    return found


def unpacked(name: str, folder: Path) -> Path:
    """Unpack the stored recording `name` into `folder`, its sound to the very bytes that were sealed."""
    with tarfile.open(STORED / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    for sound in (folder / name).glob(names.client("*", "*.flac")):
        smaller.unpack(sound)
    return folder / name


def reseal(run: Path) -> None:
    """Make what was changed count as what was sealed."""
    manifest = read_manifest(run)
    sealed_ns = manifest.phases[-1].t_ns
    RunFolder(run, replace(manifest, phases=manifest.phases[:-1]), clock=lambda: sealed_ns).seal()


def _shrink(folder: Path, margin: tuple[int, int]) -> None:
    recording = read(folder)
    case = case_of(recording, asked_of(recording))
    for file in folder.glob(f"{names.CAPTURES}/*.pcap"):
        file.write_bytes(smaller.cut(file.read_bytes()))
    for client in recording.clients:
        for heard in client.heard:
            pcm = folder / names.client(client.name, names.CLIENT_HEARD.format(publisher=heard.publisher))
            from_ns, to_ns = _measured(recording, case, heard.publisher)
            smaller.silence(pcm, heard, from_ns - margin[0], to_ns + margin[1])
    for left_out in LEFT_OUT:
        (folder / left_out).unlink(missing_ok=True)


def _measured(recording: Recording, case: Case, publisher: str) -> tuple[int, int]:
    """Return when the measured media of `publisher` begins and ends."""
    from_ns = case.times.media_from_ns
    frames = next(client.frames for client in recording.clients if client.name == publisher)
    media = [line.scheduled_ns for line in frames if line.scheduled_ns >= from_ns]
    last_ns = media[: case.times.media_frames][-1] if media else from_ns
    return from_ns, last_ns


def _packed(folder: Path, name: str) -> Path:
    for sound in folder.glob(names.client("*", names.CLIENT_HEARD.format(publisher="*"))):
        smaller.pack(sound)
    made = folder.parent / f"{name}.tar.xz"
    with tarfile.open(made, "w:xz", preset=9) as archive:
        archive.add(folder, arcname=name)
    if made.stat().st_size > LARGEST:
        raise UnfitRunError(f"{folder}: {made.stat().st_size} bytes, more than {LARGEST}; shorten it")
    STORED.mkdir(exist_ok=True)
    return Path(shutil.move(made, STORED / made.name))


if __name__ == "__main__":
    stored = keep(Path(sys.argv[1]), sys.argv[2])
    print(f"{stored}: {stored.stat().st_size / 1000:.0f} kB")
