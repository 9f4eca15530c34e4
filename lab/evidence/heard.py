"""`heard-<publisher>.pcm` and `.jsonl` of a listener: the samples its program read from the SDK, and how many when.

Law: sound that was never recorded is no evidence and no fault. Sound that is there must be what its notes say it is:
whole samples, none fewer than were noted, none more where the program could close its files; and noted sound is there.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.errors import EvidenceError
from lab.evidence import names
from lab.evidence.decode import decode
from lab.evidence.lines import Lines, read_headed
from lab.evidence.problems import Problems
from lab.evidence.values import HeardAudio, Read

KIND = "reads"
_PREFIX, _SUFFIX = names.CLIENT_HEARD.split("{publisher}")


def heard(folder: Path, problems: Problems, *, killed: bool) -> tuple[HeardAudio, ...]:
    """Return what the client of `folder` heard of each publisher; what is there and no good goes to `problems`.

    `killed`: it did not end by itself, so that both files may end wherever they were cut.
    """
    found = []
    for file in sorted(folder.glob(names.CLIENT_HEARD.format(publisher="*"))):
        publisher = file.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
        try:
            found.append(_heard(file, publisher, problems, killed=killed))
        except EvidenceError as error:
            problems.unread(file, error)
    for notes in sorted(folder.glob(names.CLIENT_READS.format(publisher="*"))):
        if not notes.with_suffix(_SUFFIX).exists():
            problems.broken(f"{notes.with_suffix(_SUFFIX)}: missing, although {notes.name} tells how much was read")
    return tuple(found)


def _heard(file: Path, publisher: str, problems: Problems, *, killed: bool) -> HeardAudio:
    """Map one publisher's sound, and check it against what the program noted. EvidenceError."""
    lines = read_headed(file.with_name(names.CLIENT_READS.format(publisher=publisher)), KIND, allow_torn_tail=killed)
    reads, samples = _reads(lines), _mapped(file, killed=killed)
    noted = reads[-1].samples if reads else 0
    if samples.size < noted or (samples.size > noted and not killed):
        fix = "sound is missing or not this run's; record again"
        raise EvidenceError(f"{file}: {samples.size} samples where {noted} were noted", fix=fix)
    if lines.torn:
        problems.broken(lines.torn)
    return HeardAudio(publisher=publisher, samples=samples, reads=reads)


def _reads(lines: Lines) -> tuple[Read, ...]:
    """Return the counts in `lines`; EvidenceError with file:line for a foreign one or one that runs backwards."""
    where = [where for where, _ in lines.timed()]
    found = tuple(decode(Read, fields, place) for place, fields in lines.timed())
    for (earlier, later), place in zip(pairwise(found), where[1:], strict=True):
        if later.samples < earlier.samples:
            raise EvidenceError(f"{place}: fewer samples than the line before", fix="record again")
    return found


def _mapped(file: Path, *, killed: bool) -> NDArray[np.int16]:
    """Map the samples of `file` without loading them. EvidenceError when its last one is torn and nobody was killed."""
    try:
        size = file.stat().st_size
        whole = size // 2
        if size % 2 and not killed:
            raise EvidenceError(f"{file}: {size} bytes are no whole samples of 16 bit", fix="the file was cut")
        return np.memmap(file, "<i2", mode="r", shape=(whole,)) if whole else np.zeros(0, np.int16)
    except OSError as error:
        raise EvidenceError(f"{file}: {error.strerror}", fix="this piece of the recording cannot be read") from error
