"""A run folder, read as a recording.

Law: reading never raises for a missing or broken piece, it names it in `problems` and leaves it empty, so that what is
there can still be shown. What no verdict can stand on is also in `broken`: a run that was not sealed, and a piece the
judge reads that is torn, unreadable, or not what was sealed. Only a manifest that is missing or foreign makes a folder
no recording.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Literal, TypeVar

from lab.errors import EvidenceError, StorageError
from lab.evidence import names
from lab.evidence.client_folder import Headed, read_client
from lab.evidence.foreign import foreign
from lab.evidence.host import PACER_KIND, SECONDS_KIND, read_cgroup, read_network, seconds, ticks
from lab.evidence.manifest import SEALED, Manifest, read_manifest
from lab.evidence.problems import Problems
from lab.evidence.purposes import purpose
from lab.evidence.recording import Recording
from lab.evidence.rtp import Capture, read_capture
from lab.evidence.server_log import ServerAccount, read_tracks
from lab.evidence.steps import read_steps
from lab.evidence.store import evidence_files, fact
from lab.evidence.values import Tap

T = TypeVar("T")
_DROPPED = re.compile(r"(\d+) packets? dropped by kernel")


def read(path: Path) -> Recording:
    """Read the run folder `path`. EvidenceError when its manifest is missing, foreign or of a newer format."""
    manifest = read_manifest(path)
    problems = Problems()
    _compare(path, manifest, problems)
    host = path / names.HOST
    pacer = Headed(path=path / names.PACER, kind=PACER_KIND, torn_tail=True)
    machine = Headed(path=path / names.HOST_SECONDS, kind=SECONDS_KIND, torn_tail=True)
    said = _if_kept(read_tracks, path / names.SERVER_TRACKS, ServerAccount(), problems)
    found = Recording(
        path=path,
        manifest=manifest,
        taps=_taps(path, manifest, problems, _level_ids(manifest, said)),
        clients=tuple(read_client(path, place, problems) for place in manifest.clients),
        steps=_try(read_steps, path / names.STEPS, (), problems),
        ticks=pacer.read(ticks, (), problems),
        seconds=machine.read(seconds, (), problems),
        cgroups={name: _try(read_cgroup, file, (), problems) for name, file in _each(host, "cgroup")},
        networks={name: _try(read_network, file, (), problems) for name, file in _each(host, "network")},
        tracks=said.tracks,
        forwarders=said.forwarders,
        problems=(),
    )
    for name in foreign(found):
        problems.broken(f"{name}: it is another run's, nothing in it happened during this one")
    told, breaking = ([text.replace(f"{path}/", "") for text in texts] for texts in (problems.all, problems.breaking))
    return replace(found, problems=tuple(told), broken=tuple(breaking))


def _compare(path: Path, manifest: Manifest, problems: Problems) -> None:
    """Tell how the evidence in `path` differs from what was sealed; it breaks what the judge reads."""
    if manifest.phase != SEALED:
        problems.broken(f"not sealed: the recording ended in phase {manifest.phase}")
        return
    try:
        found = set(evidence_files(path))
        suspects = sorted(_suspects(path, manifest, found))
    except StorageError as error:
        problems.broken(str(error))
        return
    for name in suspects:
        tell = problems.broken if names.is_judged(name) else problems.note
        tell(_change(name, manifest, found))


def _suspects(path: Path, manifest: Manifest, found: set[str]) -> set[str]:
    """Return the names that are missing, new, or not what they were."""
    same = {name for name in found & set(manifest.files) if fact(path / name) == manifest.files[name]}
    return (found | set(manifest.files)) - same


def _change(name: str, manifest: Manifest, found: set[str]) -> str:
    """Say what happened to one file since the sealing, and what it would have decided."""
    told = f" (it tells {what})" if (what := purpose(name)) else ""
    if name not in found:
        return f"{name}: missing, {manifest.files[name].bytes} bytes of it were sealed{told}"
    if name not in manifest.files:
        return f"{name}: added after the recording was sealed"
    return f"{name}: changed since it was sealed{told}"


def _level_ids(manifest: Manifest, said: ServerAccount) -> Mapping[int, int]:
    """Return by address which header extension is the level, of those whose session description was kept."""
    place = {each.name: each.ip for each in manifest.clients}
    return {
        int(IPv4Address(place[track.participant])): track.level_id
        for track in said.described
        if track.level_id is not None and track.participant in place
    }


def _taps(path: Path, manifest: Manifest, problems: Problems, level_ids: Mapping[int, int]) -> tuple[Tap, ...]:
    """Return every capture that this run's clients should have, and that can be read."""
    linked = [place.name for place in manifest.clients if place.linked]
    wanted: list[tuple[Literal["edge", "inner", "core", "open"], str | None, str]] = [("core", None, names.CORE_TAP)]
    if len(linked) < len(manifest.clients):
        wanted.append(("open", None, names.OPEN_TAP))
    for name in linked:
        wanted += [("edge", name, names.edge(name)), ("inner", name, names.inner(name))]
    found = []
    for where, client, file in wanted:
        capture = _try(partial(_capture, level_ids), path / file, None, problems)
        if capture:
            if capture.torn:
                problems.broken(f"{file}: {capture.torn}")
            dropped = _dropped(path / file)
            found.append(
                Tap(
                    place=where,
                    client=client,
                    packets=capture.packets,
                    dropped=dropped,
                    torn=capture.torn,
                    described=frozenset(level_ids),
                )
            )
    return tuple(found)


def _dropped(capture: Path) -> int | None:
    """Return how many packets tcpdump said it missed, None when it did not say."""
    try:
        said = _DROPPED.search(capture.with_suffix(".log").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return int(said[1]) if said else None


def _each(host: Path, kind: str) -> list[tuple[str, Path]]:
    """Return each container with a file of `kind` (cgroup, network)."""
    return [(file.stem.removeprefix(f"{kind}-"), file) for file in sorted(host.glob(f"{kind}-*.jsonl"))]


def _capture(level_ids: Mapping[int, int], path: Path) -> Capture | None:
    """Read a capture, one that was cut included."""
    return read_capture(path, level_ids=level_ids, allow_torn_tail=True)


def _if_kept(read_piece: Callable[[Path], T], path: Path, empty: T, problems: Problems) -> T:
    """Return the piece at `path`, `empty` where it was never kept: whoever needs it will miss it by name."""
    return _try(read_piece, path, empty, problems) if path.exists() else empty


def _try(read_piece: Callable[[Path], T], path: Path, empty: T, problems: Problems) -> T:
    """Return the piece at `path`, or `empty` with the reason in `problems`."""
    try:
        return read_piece(path)
    except EvidenceError as error:
        problems.unread(path, error)
        return empty
