"""limit.json: lost or changed, it makes no sweep of every level out of a search."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from lab.batch.folders import limit_file
from lab.batch.folders.committed import SweepFolder
from lab.batch.folders.journal import NAME, Journal
from lab.batch.sweeps.attempts import Attempts
from lab.errors import EvidenceError
from tests.fakes.sweeps import judge, laid, planned

KEY = "links.publisher.up.loss"


@pytest.fixture
def search(tmp_path: Path) -> Path:
    """Return the folder of a search that was opened once."""
    folder = laid(planned(tmp_path), tmp_path / "search")
    limit_file.mark(folder, KEY)
    with Journal(folder) as journal:
        Attempts(SweepFolder(folder), journal, lambda _: None).resume(judge)
    return folder


def test_a_search_whose_file_is_gone_is_no_grid(search: Path) -> None:
    """It is named, with what was in it: what is written there makes the search whole again."""
    file = search / limit_file.NAME
    content = file.read_text()
    file.unlink()
    with pytest.raises(EvidenceError, match=rf"{file}: it is gone, and its sweep searches along {KEY}") as refused:
        SweepFolder(search)
    assert content.strip() in str(refused.value)
    file.write_text(content)
    assert SweepFolder(search).search == KEY


def test_a_search_along_another_axis_than_the_journals_is_refused(search: Path) -> None:
    """Whoever changed the file would have the runs say something about another key."""
    with pytest.raises(EvidenceError, match=r"'seed' is not what its sweep searches along, links"):
        limit_file.searched(laid_with(search, "seed"), planned(search.parent, "seed=1,2").axes, KEY)


def laid_with(folder: Path, key: str) -> Path:
    """Return `folder`, its limit.json saying `key`."""
    limit_file.mark(folder, key)
    return folder


def test_the_journal_of_an_earlier_lab_names_no_key(search: Path) -> None:
    """It is read as it always was: limit.json alone says what is searched."""
    opened = json.loads((search / NAME).read_text()[9:])
    assert opened.pop("search") == KEY
    text = json.dumps(opened).encode()
    (search / NAME).write_bytes(b"%08x %s\n" % (zlib.crc32(text), text))
    assert SweepFolder(search).search == KEY
    (search / limit_file.NAME).unlink()
    assert SweepFolder(search).search is None
