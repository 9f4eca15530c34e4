"""`manifest.json`: what a run was, made of, and left. Written early, rewritten in phases, sealed last.

Format 1. A reader refuses a newer format by name, and a manifest of which a letter was changed by its checksum; it
never guesses. Manifests of before have no checksum.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Literal

from lab.errors import EvidenceError
from lab.evidence import names
from lab.evidence.decode import decode, document
from lab.secrecy import redacted

FORMAT = 1
SEALED = "sealed"
_CHECKSUM = "checksum"
_DAMAGED = "it was damaged or edited, and nobody could tell what was recorded: put a copy back, or record again"


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One step of the run's life: when it began (t_ns) and what was known then."""

    name: str
    t_ns: int
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Image:
    """A container image: its reference, its digest or id, and how it came (`pulled`, `built`).

    `recipe` says what it was made of, the same on every machine; empty in runs of a lab that did not know it.
    """

    reference: str
    digest: str
    how: str
    recipe: str = ""


@dataclass(frozen=True, kw_only=True)
class Netem:
    """What impaired: `driver` is kernel or vm; `seeded` whether the kernel took the seeds; versions where known."""

    driver: Literal["kernel", "vm"]
    seeded: bool
    kernel: str
    iproute2: str
    qemu: str | None = None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a client was: its IPv4 address, and whether a bump was in its way."""

    name: str
    role: Literal["publisher", "subscriber", "both"]
    ip: str
    linked: bool


@dataclass(frozen=True, kw_only=True)
class ServerPlace:
    """The server's IPv4 address and UDP media port."""

    ip: str
    port: int


@dataclass(frozen=True, kw_only=True)
class Marks:
    """The moments of a run (t_ns); None: it never got there. `enough_ns`: no more media was waited for."""

    go_ns: int | None = None
    control_from_ns: int | None = None
    control_to_ns: int | None = None
    media_from_ns: int | None = None
    enough_ns: int | None = None
    media_to_ns: int | None = None
    end_ns: int | None = None


@dataclass(frozen=True, kw_only=True)
class FileFact:
    """Size and hash of one piece of evidence when the run was sealed."""

    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The whole manifest. What is not known yet is None or empty."""

    format: int = FORMAT
    run: str
    scenario: str
    seed: int | None = None
    phases: tuple[Phase, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    netem: Netem | None = None
    clients: tuple[Place, ...] = ()
    server: ServerPlace | None = None
    marks: Marks = field(default_factory=Marks)
    host: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, FileFact] = field(default_factory=dict)

    @property
    def phase(self) -> str:
        """The phase the run is in, `sealed` when it is complete."""
        return self.phases[-1].name

    def dump(self) -> str:
        """Return the manifest as JSON text without secrets, with the checksum of what will be read back."""
        known = json.dumps({**asdict(self), "phase": self.phase}, allow_nan=False)
        fields = json.loads(redacted(known))
        return json.dumps({**fields, _CHECKSUM: _checksum(fields)}, indent=1, sort_keys=True) + "\n"


def read_manifest(path: Path) -> Manifest:
    """Return the manifest of the run folder `path`. EvidenceError."""
    file = path / names.MANIFEST
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{file}: {error}", fix="name the folder of a run; results/ holds them") from error
    return load(text, str(file))


def load(text: str, where: str) -> Manifest:
    """Parse a manifest; EvidenceError naming `where` when it is foreign, broken, edited or of a newer format."""
    raw = document(text, where, kind="manifest", newest=FORMAT, fix="name a run folder, or record again")
    if _CHECKSUM in raw and raw.pop(_CHECKSUM) != _checksum(raw):
        raise EvidenceError(f"{where}: its checksum does not fit", fix=_DAMAGED)
    phase = raw.pop("phase", None)
    manifest = decode(Manifest, raw, where)
    if not manifest.phases or manifest.phase != phase:
        raise EvidenceError(
            f"{where}: phase {phase!r} contradicts its phases", fix="the manifest was edited; record again"
        )
    if wrong := _unfit(manifest):
        raise EvidenceError(f"{where}: {wrong}", fix=_DAMAGED)
    return manifest


def _unfit(manifest: Manifest) -> str:
    """Say which address is none, or which name would lead out of the run's folder; "" when all are fit."""
    addresses = [place.ip for place in manifest.clients] + ([manifest.server.ip] if manifest.server else [])
    unfit = [
        *(f"{ip!r} is no IPv4 address" for ip in addresses if not _is_address(ip)),
        *(f"{place.name!r} is no name of a client" for place in manifest.clients if _is_no_part(place.name)),
        *(f"{name!r} is no name for a piece of a run" for name in manifest.files if names.leads_out(name)),
    ]
    return next(iter(unfit), "")


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_no_part(name: str) -> bool:
    """Say whether no folder could be called `name`."""
    return "/" in name or names.leads_out(name)


def _checksum(fields: Mapping[str, Any]) -> str:
    """Return that of everything else in the file, however it is laid out."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
