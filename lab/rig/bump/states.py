"""Saved states of the VM on this machine: made once, named after what they depend on and what they contain.

Law: a name is `<key>.<sha256>.state`, so a file that was cut short or altered is found out before it is used, and a
state appears all at once, by a rename. A process reads a file again only when it has changed.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lab.rig.bump.qemu import qemu_argv

FOLDER = "vm"


@dataclass(frozen=True, kw_only=True)
class Found:
    """The usable state, if there is one, and the broken ones."""

    good: Path | None
    broken: tuple[Path, ...]


def key(machine_id: str, prepared: str, links: int) -> str:
    """Return what a state depends on: kernel, initramfs, QEMU (`machine_id`), its command line, `prepared`, links."""
    command = "\0".join((*qemu_argv(links, None), prepared)).encode()
    return f"{machine_id.strip()}-{hashlib.sha256(command).hexdigest()[:8]}-{links}"


def expect(cache: Path, links: int) -> None:
    """Read the state that was saved last for as many `links`, so that whoever finds it need not wait for that."""
    saved = (cache / FOLDER).glob(f"*-{links}.*.state")
    with suppress(FileNotFoundError):  # another lab of this machine took a broken one away
        for file in sorted(saved, key=lambda each: each.stat().st_mtime_ns)[-1:]:
            _digest(file)


def find(cache: Path, state_key: str) -> Found:
    """Return the states of `state_key`; each one's content was compared with its name."""
    broken: list[Path] = []
    for file in sorted((cache / FOLDER).glob(f"{state_key}.*.state")):
        if _digest(file) == file.name.split(".")[-2]:
            return Found(good=file, broken=tuple(broken))
        broken.append(file)
    return Found(good=None, broken=tuple(broken))


def keep(file: Path, state_key: str) -> Path:
    """Give the complete `file` its name and return it."""
    named = file.with_name(f"{state_key}.{_digest(file)}.state")
    return file.rename(named)


def _digest(file: Path) -> str:
    facts = file.stat()
    return _digest_of(file, facts.st_mtime_ns, facts.st_size, facts.st_ino)


@lru_cache(maxsize=64)
def _digest_of(file: Path, *_unchanged: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
