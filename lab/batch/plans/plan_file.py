"""plan.json: the plan of a sweep on disk, the scenarios that labs are built for written once each.

Format 2; in format 1 images went by their ids, of which each machine has others. A reader refuses a newer format by
name, and a plan of which a letter was changed by its checksum; it never guesses. Plans of before have no checksum.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.errors import EvidenceError
from lab.evidence.decode import decode, document
from lab.scenario.sweeping import Axis, Setting

FORMAT = 2
_CHECKSUM = "checksum"


@dataclass(frozen=True, kw_only=True)
class StoredCell:
    """A cell in plan.json: `host` is a position among the file's hosts."""

    id: str
    setting: Setting
    repetition: int
    control: bool
    text: str
    host: int


@dataclass(frozen=True, kw_only=True)
class PlanFile:
    """What plan.json holds."""

    format: int
    sweep: str
    source: str
    name: str
    seed: int
    axes: tuple[Axis, ...]
    repeat: int
    images: Mapping[str, str]
    hosts: tuple[str, ...]
    cells: tuple[StoredCell, ...]

    def dump(self) -> str:
        """Return it as JSON text, its checksum last."""
        fields = asdict(self)
        return json.dumps({**fields, _CHECKSUM: _checksum(fields)}, indent=1) + "\n"


def read(path: Path) -> PlanFile:
    """Return what the plan.json at `path` holds. EvidenceError where it is none, edited, or of a newer format."""
    where = str(path)
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{where}: cannot be read ({error})", fix="name the folder of a sweep") from error
    raw = document(text, where, kind="plan", newest=FORMAT, fix="name the folder of a sweep, or plan it again")
    if _CHECKSUM in raw and raw.pop(_CHECKSUM) != _checksum(raw):
        fix = "it was damaged or edited, and nobody could tell what its cells were: put a copy back, or plan it again"
        raise EvidenceError(f"{where}: its checksum does not fit", fix=fix)
    found = decode(PlanFile, raw, where)
    if not all(0 <= cell.host < len(found.hosts) for cell in found.cells):
        raise EvidenceError(f"{where}: a cell has no host", fix="the file was edited; plan the sweep again")
    return found


def _checksum(fields: Mapping[str, Any]) -> str:
    """Return that of everything else in the file, however it is laid out."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
