"""Which driver: tried once, and anew when what the answer depends on has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.host import driver
from lab.rig.layout.images import Image
from tests.fakes.engine import FakeEngine

ROUTER = Image(reference="router", digest="sha256:1", recipe="router:1", how="built")


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str | None]:
    """Give a machine with a few modules, and a list of what was tried on it: its kernel has no netem."""
    asked: list[str | None] = []

    def choose(_: object, reference: str, insist: str | None) -> str:
        asked.append(insist)
        return insist or "vm"

    (tmp_path / "modules").write_text("veth 1 2 - Live 0x0\nbridge 3 4 - Live 0x0\n")
    monkeypatch.setattr(driver, "choose", choose)
    monkeypatch.setattr(driver, "_LOADED", tmp_path / "modules")
    return asked


def found(cache: Path, router: Image = ROUTER, insist: str | None = None) -> str:
    """Ask for the driver."""
    return driver.driver(FakeEngine(), router, cache, insist)


def test_it_is_tried_once(tried: list[str | None], tmp_path: Path) -> None:
    """The second time it is known; how often a module is used is nothing new."""
    assert [found(tmp_path), found(tmp_path)] == ["vm", "vm"]
    (tmp_path / "modules").write_text("bridge 9 9 - Live 0x0\nveth 1 2 - Live 0x0\n")
    assert (found(tmp_path), tried) == ("vm", [None])


def test_who_tries_at_the_same_moment_is_in_nobodys_way(
    tried: list[str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two first runs since the machine was started: both find out, and both keep it."""
    choose, inside = driver.choose, list[str]()

    def meanwhile(*arguments: object) -> str:
        if not inside:
            inside.append("")
            inside[0] = found(tmp_path)
        return choose(*arguments)

    monkeypatch.setattr(driver, "choose", meanwhile)
    assert [found(tmp_path), *inside] == ["vm", "vm"]
    assert not [each.name for each in (tmp_path / driver.FOLDER).iterdir() if "." in each.name]


def test_a_new_module_or_image_is_tried_anew(tried: list[str | None], tmp_path: Path) -> None:
    """Either may change the answer."""
    found(tmp_path)
    (tmp_path / "modules").write_text("veth 1 2 - Live 0x0\nsch_netem 1 0 - Live 0x0\n")
    found(tmp_path)
    found(tmp_path, Image(reference="router", digest="sha256:2", recipe="router:1", how="built"))
    assert len(tried) == 3


def test_who_insists_is_never_answered_from_memory(tried: list[str | None], tmp_path: Path) -> None:
    """Nor is what they insist on remembered."""
    assert found(tmp_path, insist="kernel") == "kernel"
    assert found(tmp_path) == "vm"
    assert found(tmp_path, insist="kernel") == "kernel"
    assert tried == ["kernel", None, "kernel"]


def test_a_damaged_memory_is_none(tried: list[str | None], tmp_path: Path) -> None:
    """It is tried anew, and remembered anew."""
    found(tmp_path)
    (known,) = (tmp_path / driver.FOLDER).iterdir()
    known.write_text("ker")
    assert (found(tmp_path), found(tmp_path), tried) == ("vm", "vm", [None, None])
