"""Which netem driver this machine takes: tried once, and remembered for as long as the answer cannot have changed.

Law: what is remembered is named after all that the answer depends on: this boot of this kernel, the modules it has and
could load, and the image in which it was tried. Where a module is installed or loaded, it is tried anew.
"""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path
from typing import cast

from lab.evidence.durable import write_atomically
from lab.rig.bump.driver import choose
from lab.rig.bump.plumbing import Driver
from lab.rig.engine.engine import Engine
from lab.rig.layout.images import Image

FOLDER = "driver"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_LOADED = Path("/proc/modules")
_AT_HAND = Path("/lib/modules")


def driver(engine: Engine, router: Image, cache: Path, insist: str | None) -> Driver:
    """Return the driver: `insist`, or what was found in this situation before, or what is found now.

    Raises EnvironmentFault when the kernel driver is insisted on and refused.
    """
    if insist is not None:
        return choose(engine, router.reference, insist)
    known = cache / FOLDER / _situation(router)
    if known.exists() and (found := known.read_text()) in ("kernel", "vm"):
        return cast("Driver", found)
    tried = choose(engine, router.reference, None)
    known = cache / FOLDER / _situation(router)  # trying loads the module, where there is one
    known.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(known, tried.encode())
    return tried


def _situation(router: Image) -> str:
    """Return a name for all that the answer depends on."""
    at_hand = _AT_HAND / platform.release() / "modules.dep"
    parts = (
        _BOOT.read_text() if _BOOT.exists() else "",
        platform.release(),
        " ".join(sorted(line.split()[0] for line in _LOADED.read_text().splitlines())) if _LOADED.exists() else "",
        str(at_hand.stat().st_mtime_ns) if at_hand.exists() else "",
        router.digest,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
