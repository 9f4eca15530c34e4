"""Stored recordings, each unpacked and judged once for all tests that do something to a copy of it."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import pytest

from lab.analysis.ear import listen, spectra
from lab.batch.runs.one import Judged, judged
from tests.fakes.disk import unsynced
from tests.replay.keep import unpacked

__all__ = ["unsynced"]

Found = TypeVar("Found")
Whole = Callable[[str], Judged]
Copy = Callable[[str], Path]


@pytest.fixture(scope="session", autouse=True)
def sound_once() -> Iterator[None]:
    """Look at the same sound, and align it with the same wire, once: pure, half of all judging, seldom harmed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listen, "align", _remembered(listen.align))
        patch.setattr(spectra, "_of", _remembered(spectra._of))
        yield


def _remembered(pure: Callable[..., Found]) -> Callable[..., Found]:
    """Return `pure`, worked out once for what is the same to the byte; everybody gets a copy of his own."""
    known: dict[bytes, Found] = {}

    def found(*given: object) -> Found:
        key = sha256(pickle.dumps(given)).digest()
        if key not in known:
            known[key] = pure(*given)
        return deepcopy(known[key])

    return found


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
