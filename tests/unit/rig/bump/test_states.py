"""Saved states that nobody needs go, and only they; one is on the disk before it has its name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest

from lab.errors import EnvironmentFault, StorageError
from lab.rig.bump import states, vm
from lab.rig.engine.engine import Engine

MACHINE, OTHER = "00eabb73b587fb47", "11eabb73b587fb47"
NOW_S = 1_800_000_000.0
DAY_S = 86_400.0


def name(machine: str = MACHINE, links: int = 1, ending: str = f"{64 * 'a'}.state", said: str = "said") -> str:
    """Return what a state is called."""
    return f"{states.key(machine, said, links)}.{ending}"


def there(cache: Path, called: str, *, read_s: float = 0, written_s: float = 0) -> str:
    """Make a file that was read and written so long before now."""
    file = cache / states.FOLDER / called
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_bytes(b"ram")
    os.utime(file, (NOW_S - read_s, NOW_S - written_s))
    return called


def left(cache: Path) -> set[str]:
    """Prune, and return what is left; whatever is not is said to be gone, but for the notes."""
    before = {file.name for file in (cache / states.FOLDER).iterdir()}
    gone = {file.name for file in states.prune(cache, f"{MACHINE}\n", "said", NOW_S)}
    after = {file.name for file in (cache / states.FOLDER).iterdir()}
    assert {each for each in before - after if not each.endswith(".read")} == gone
    return after


@pytest.mark.parametrize(
    "called",
    [
        name(OTHER),
        name(said="something else"),
        name(OTHER, links=12),
        name(OTHER, ending="0123456789ab.part"),
        name(ending="0123456789ab.part"),
    ],
)
def test_what_no_lab_of_this_version_resumes_goes(tmp_path: Path, called: str) -> None:
    """Of another kernel, initramfs, QEMU or command line, or never finished; the note beside it goes, too."""
    there(tmp_path, called, read_s=8 * DAY_S, written_s=9 * DAY_S)
    there(tmp_path, f"{called}.read")
    assert left(tmp_path) == set()


@pytest.mark.parametrize(("read", "written"), [(6, 90), (90, 6), (0, 0)])
def test_what_another_version_may_be_using_stays(tmp_path: Path, read: float, written: float) -> None:
    """Read or written within a week: its labs may be about to open it."""
    called = there(tmp_path, name(OTHER), read_s=read * DAY_S, written_s=written * DAY_S)
    part = there(tmp_path, name(OTHER, ending="0123456789ab.part"), read_s=read * DAY_S, written_s=written * DAY_S)
    assert left(tmp_path) == {called, part}


@pytest.mark.parametrize("links", [1, 2, 12])
def test_what_this_version_resumes_stays(tmp_path: Path, links: int) -> None:
    """However long ago it was used, with however many links."""
    called = there(tmp_path, name(links=links), read_s=900 * DAY_S, written_s=900 * DAY_S)
    assert left(tmp_path) == {called}


@pytest.mark.parametrize("called", ["notes.state", "x.part", f"{name(OTHER)}.bak", f"my-{name(OTHER)}", "a-1.c.state"])
def test_what_is_no_state_stays(tmp_path: Path, called: str) -> None:
    """Whoever put it there."""
    there(tmp_path, called, read_s=900 * DAY_S, written_s=900 * DAY_S)
    assert left(tmp_path) == {called}


def test_what_cannot_be_removed_is_no_failure(tmp_path: Path) -> None:
    """A folder of that name, or a file of somebody else's."""
    (tmp_path / states.FOLDER / name(OTHER)).mkdir(parents=True)
    os.utime(tmp_path / states.FOLDER / name(OTHER), (0, 0))
    assert left(tmp_path) == {name(OTHER)}


def test_one_that_goes_away_while_it_is_looked_at_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another lab, or a person, may remove it at any time."""
    there(tmp_path, "k-c-2.abc.state")
    monkeypatch.setattr(states, "_read", lambda file: file.unlink() or file.read_bytes())
    assert states.find(tmp_path, "k-c-2") == states.Found(good=None, broken=())


def test_a_state_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power cut could leave the name, and a note that it was read, with another content."""
    there(tmp_path, "x.part")
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda open_file: synced.append(Path(f"/proc/self/fd/{open_file}").readlink()))
    states.keep(tmp_path / states.FOLDER / "x.part", "k-c-2")
    assert [file.name for file in synced] == ["x.part"]


class Bench:
    """A router in which QEMU cannot open the state; booted, it comes up, and what it saves is resumed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
        self.said: list[str] = []
        self.vanishes = True
        self.started: list[str] = []
        self._cache = cache
        monkeypatch.setattr(vm, "_launch", self._launch)
        monkeypatch.setattr(vm, "_answer", lambda *_: "facts")
        monkeypatch.setattr(vm, "_save", self._save)

    def start(self) -> vm.Running:
        """Start the VM with one link."""
        return vm.start(cast("Engine", self), "router", f"{MACHINE}\nQEMU 9", 1, self._cache, self.said.append)

    def close(self) -> None:
        """End the console."""

    def _save(self, _engine: object, _router: str, _links: int, cache: Path, state_key: str) -> Path:
        there(cache, "y.part")
        return states.keep(cache / states.FOLDER / "y.part", state_key)

    def _launch(self, _engine: object, _router: str, _links: int, saved: str | None) -> Any:
        self.started.append("resumed" if saved else "booted")
        if saved is None or "booted" in self.started:
            return self
        if self.vanishes:
            (self._cache / states.FOLDER / saved).unlink()
        raise EnvironmentFault("Could not open it")


def test_one_that_goes_away_before_it_is_opened_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what was made is resumed like any other; what is there and does not open is an error."""
    bench = Bench(monkeypatch, tmp_path)
    there(tmp_path, "x.part")
    states.keep(tmp_path / states.FOLDER / "x.part", states.key(MACHINE, vm.PREPARE, 1))
    bench.vanishes = False
    with pytest.raises(EnvironmentFault, match="Could not open"):
        bench.start()
    bench.vanishes = True
    assert not bench.start().resumed
    assert "removed meanwhile: made anew" in bench.said[0]
    assert bench.started[1:] == ["resumed", "booted", "resumed"]


def test_the_states_are_where_only_we_write(tmp_path: Path) -> None:
    """Under any umask; what is there already is left as it is."""
    before = os.umask(0)
    try:
        assert not states.claim(tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / states.FOLDER).stat().st_mode & 0o777 == 0o700
    called = there(tmp_path, name())
    assert not states.claim(tmp_path)
    assert [file.name for file in (tmp_path / states.FOLDER).iterdir()] == [called]


@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702])
def test_a_state_that_others_could_have_put_there_is_not_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    """Whole as it is, by its name: it goes with its folder, which is said, and nothing is left beside the new one."""
    there(tmp_path, "x.part")
    states.keep(tmp_path / states.FOLDER / "x.part", states.key(MACHINE, vm.PREPARE, 1))
    (tmp_path / states.FOLDER).chmod(mode)
    bench = Bench(monkeypatch, tmp_path)
    assert not bench.start().resumed
    assert "others than you could write there" in bench.said[0]
    assert bench.started == ["booted", "resumed"]
    assert [each.name for each in tmp_path.iterdir()] == [states.FOLDER]
    assert (tmp_path / states.FOLDER).stat().st_mode & 0o777 == 0o700


def test_another_users_states_are_not_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor removed: he may need them."""
    called = there(tmp_path, name())
    monkeypatch.setattr(os, "getuid", lambda: (tmp_path / states.FOLDER).stat().st_uid + 1)
    with pytest.raises(StorageError, match=r"another user's .*XDG_CACHE_HOME"):
        Bench(monkeypatch, tmp_path).start()
    assert (tmp_path / states.FOLDER / called).exists()


def test_a_new_state_ends_the_old_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is said."""
    there(tmp_path, name(OTHER), read_s=NOW_S, written_s=NOW_S)
    bench = Bench(monkeypatch, tmp_path)
    bench.start()
    assert "nobody has used it for a week" in bench.said[-1]
    assert not list((tmp_path / states.FOLDER).glob(f"{name(OTHER)}*"))
