"""Saved states of the VM on this machine: made once, named after what they depend on and what they contain.

Law: a name is `<key>.<sha256>.state`, so a file that was cut short or altered is found out before it is used, and a
state appears all at once, by a rename, when it is on the disk. Nobody writes to it from then on, for machines that were
resumed have it mapped. A file is read again only when it has changed. One of another version goes when nobody has used
it for a week: until then that version may run beside ours. A name is no proof against malice, and so nobody but the
user may write where they are.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.errors import StorageError
from lab.evidence.durable import storing
from lab.rig.bump.qemu import qemu_argv

FOLDER = "vm"
UNUSED_S = 7 * 86_400
"""Much longer than the day for which a file system may not note that a file was read (relatime)."""
_OTHERS = 0o022
"""The modes with which others than the owner may write."""
_NAME = re.compile(r"(?P<key>[0-9a-f]{16}-[0-9a-f]{8}-(?P<links>\d{1,3}))\.([0-9a-f]{64}\.state|[0-9a-f]{12}\.part)")


@dataclass(frozen=True, kw_only=True)
class Found:
    """The usable state, if there is one, and the broken ones."""

    good: Path | None
    broken: tuple[Path, ...]


def key(machine_id: str, prepared: str, links: int) -> str:
    """Return what a state depends on: kernel, initramfs, QEMU (`machine_id`), its command line, `prepared`, links."""
    command = "\0".join((*qemu_argv(links, None), prepared)).encode()
    return f"{machine_id.strip()}-{hashlib.sha256(command).hexdigest()[:8]}-{links}"


def claim(cache: Path) -> bool:
    """Have the folder of the states in `cache`, where nobody writes but us; say whether one was replaced for that.

    Whose the states were that lay open to others, nobody knows. StorageError, of another user's folder too.
    """
    folder = cache / FOLDER
    with storing(folder, option="XDG_CACHE_HOME"):
        folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat()
        if opened := bool(facts.st_mode & _OTHERS):
            _removed(folder)
            folder.mkdir(mode=0o700, exist_ok=True)
        elif facts.st_uid != os.getuid():
            raise StorageError(f"{folder} is another user's", fix="choose a cache of your own with XDG_CACHE_HOME")
    return opened


def _removed(folder: Path) -> None:
    """Remove it, all at once for whoever looks."""
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    with suppress(FileNotFoundError):  # another lab may do so meanwhile
        folder.rename(aside)
    shutil.rmtree(aside)


def find(cache: Path, state_key: str) -> Found:
    """Return the states of `state_key`; each one's content was compared with its name."""
    broken: list[Path] = []
    for file in sorted((cache / FOLDER).glob(f"{state_key}.*.state")):
        with suppress(FileNotFoundError):  # another lab may remove it meanwhile
            if _digest(file) == file.name.split(".")[-2]:
                return Found(good=file, broken=tuple(broken))
            broken.append(file)
    return Found(good=None, broken=tuple(broken))


def keep(file: Path, state_key: str) -> Path:
    """Give the complete `file` its name and return it; a power cut then cannot leave another content behind it."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
    digest = _read(file)
    named = file.rename(file.with_name(f"{state_key}.{digest}.state"))
    _write(_note(named), _unchanged(named) + digest)
    return named


def remove(file: Path) -> None:
    """Remove a state and the note beside it, if they are still there."""
    file.unlink(missing_ok=True)
    _note(file).unlink(missing_ok=True)


def prune(cache: Path, machine_id: str, prepared: str, now_s: float) -> tuple[Path, ...]:
    """Remove the states that no lab of this version resumes, where nobody has used them for a week; return them.

    One that cannot be removed stays; whoever has it open reads on.
    """
    gone = []
    for file in _others(cache, machine_id, prepared):
        with suppress(OSError):
            facts = file.stat()
            if now_s - max(facts.st_atime, facts.st_mtime) > UNUSED_S:
                remove(file)
                gone.append(file)
    return tuple(gone)


def _others(cache: Path, machine_id: str, prepared: str) -> Iterator[Path]:
    """Yield the states that are of other versions, and those that were never finished; nothing that is no state."""
    for file in sorted((cache / FOLDER).iterdir()):
        name = _NAME.fullmatch(file.name)
        if name and (file.suffix == ".part" or name["key"] != key(machine_id, prepared, int(name["links"]))):
            yield file


def _digest(file: Path) -> str:
    """Return the SHA-256 of `file`: as it was noted beside it, where the file is still the one that was read then."""
    unchanged = _unchanged(file)
    note = _note(file)
    with suppress(FileNotFoundError):
        if (noted := note.read_text()).startswith(unchanged):
            return noted.removeprefix(unchanged)
    digest = _read(file)
    _write(note, unchanged + digest)
    return digest


def _unchanged(file: Path) -> str:
    """Return what is another text when `file` has been written to, or is another one."""
    facts = file.stat()
    return f"{facts.st_mtime_ns} {facts.st_size} {facts.st_ino} "


def _note(file: Path) -> Path:
    return file.with_name(f"{file.name}.read")


def _read(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(note: Path, text: str) -> None:
    """Write the note whole, for another lab may read it meanwhile; a cache that nobody may write to has none."""
    with suppress(OSError):
        part = note.with_name(f"{note.name}.{secrets.token_hex(6)}")
        part.write_text(text)
        part.rename(note)
