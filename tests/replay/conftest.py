"""Stored recordings, each unpacked and judged once for all tests that do something to a copy of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from lab.analysis.ear import listen
from lab.analysis.ear.spectra import Spectra
from lab.analysis.streams import Flags, Ints
from lab.batch.one import Judged, judged
from tests.replay.keep import unpacked

Whole = Callable[[str], Judged]
Copy = Callable[[str], Path]


@pytest.fixture(scope="session", autouse=True)
def one_way_once() -> Iterator[None]:
    """Align the same sound with the same wire once: that is pure, half of all judging, and seldom what is harmed."""
    found: dict[bytes, Ints] = {}
    align = listen.align

    def known(read: Spectra, wire: Spectra, arrived: Flags, newest: Ints) -> Ints:
        arrays = (read.shape, read.level_db, wire.shape, wire.level_db, arrived, newest)
        key = sha256(b"".join(repr(one.shape).encode() + one.tobytes() for one in arrays)).digest()
        if key not in found:
            found[key] = align(read, wire, arrived, newest)
        return found[key].copy()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listen, "align", known)
        yield


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Return the recording of that name as it was stored, judged; nobody may change it."""

    @cache
    def judged_once(name: str) -> Judged:
        return judged(unpacked(name, tmp_path_factory.mktemp("stored")))

    return judged_once


@pytest.fixture
def copy(whole: Whole, tmp_path: Path) -> Copy:
    """Return a copy of the recording of that name, to be harmed."""

    def copied(name: str) -> Path:
        run = tmp_path / "run"
        shutil.rmtree(run, ignore_errors=True)
        return shutil.copytree(whole(name).folder, run)

    return copied
