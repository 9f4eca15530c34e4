"""A saved state is mapped, not read: no machine writes to it or needs its name, and no wrong one is believed."""

from __future__ import annotations

import hashlib
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.errors import EnvironmentFault
from lab.rig.bump import states, vm
from lab.rig.bump.driver import Bump
from lab.scenario.model import Impairment, Loss
from tests.rig.bump_lab import BumpLab, Rig

pytestmark = pytest.mark.rig

UP = ("a", "up")
FORWARDING = "3"  # BR_STATE_FORWARDING of linux/if_bridge.h


@pytest.fixture(scope="module")
def made(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a cache with the state for one link, and nothing else."""
    cache = tmp_path_factory.mktemp("cache")
    vm.prepare(rig.engine, rig.router_image, 1, cache, print)
    return cache


@pytest.fixture
def own(rig: Rig, made: Path, tmp_path: Path) -> Rig:
    """Give a rig with a cache of its own, in which the state for one link is."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return Rig(engine=rig.engine, router_image=rig.router_image, client_image=rig.client_image, cache=tmp_path)


def state(rig: Rig) -> Path:
    """Return the file of the one state."""
    (file,) = (rig.cache / states.FOLDER).glob("*.state")
    return file


def digest(file: Path) -> str:
    """Return the SHA-256 of what is in it."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def as_asked(lab: BumpLab, bump: Bump) -> None:
    """20 ms are 20 ms, and half are lost: the machine is well, and so is its clock."""
    bump.apply("delay", {UP: Impairment(delay_ms=20)}, None)
    delays = lab.cross(bump, UP, 100).delays_ms
    assert 20 <= min(delays) < 25
    bump.apply("half", {UP: Impairment(loss=Loss(share=0.5))}, None)
    assert 10 < len(lab.cross(bump, UP, 100).lost) < 90


def test_a_machine_cannot_write_to_its_state(own: Rig) -> None:
    """It has it open for reading only, mapped as its own, and what it did is not in the file."""
    with BumpLab(own, ["a"], "vm") as lab, lab.bump() as bump:
        as_asked(lab, bump)
        mapped = lab.sh("grep /cache/vm/ /proc/$(cat /run/bump/qemu.pid)/maps")
        flags = lab.sh(f"grep flags /proc/$(cat /run/bump/qemu.pid)/fdinfo/{vm.OPENED}")
    assert {line.split()[1] for line in mapped.splitlines()} == {"rw-p"}
    assert int(flags.split()[1], 8) & 3 == 0
    assert bump.facts.resumed
    assert digest(state(own)) == state(own).name.split(".")[1]


@pytest.mark.parametrize("instead", [None, b"another"], ids=["removed", "replaced"])
def test_a_state_that_goes_hurts_nobody_who_has_it(own: Rig, instead: bytes | None) -> None:
    """Whatever has its name then: the machine goes on, and needs pages that it had not touched before."""
    with BumpLab(own, ["a"], "vm") as lab, lab.bump() as bump:
        file = state(own)
        states.remove(file)
        if instead:
            part = file.with_suffix(".new")
            part.write_bytes(instead)
            part.rename(file)
        as_asked(lab, bump)


@pytest.mark.parametrize("at", [0.0, 0.3, 0.999], ids=["first page", "memory", "devices"])
@pytest.mark.parametrize("how", ["cut", "altered"])
def test_a_torn_state_is_made_anew(own: Rig, at: float, how: str) -> None:
    """Wherever it is torn: said, removed, booted, saved, and the lab is well; the next one resumes."""
    torn, said = state(own), list[str]()
    with torn.open("r+b") as stream:
        stream.seek(int(torn.stat().st_size * at))
        stream.truncate() if how == "cut" else stream.write(b"damage")
    with BumpLab(own, ["a"], "vm") as lab, lab.bump(report=said.append) as bump:
        as_asked(lab, bump)
    assert (bump.facts.resumed, "damaged" in said[0]) == (False, True)
    with BumpLab(own, ["a"], "vm") as lab, lab.bump() as bump:
        assert bump.facts.resumed


def test_a_state_without_its_devices_is_named_at_once(own: Rig) -> None:
    """Whole by its name, and yet no state: QEMU ends, in its own words, and nobody waits for it."""
    wrong, key = state(own), state(own).name.split(".")[0]
    part = wrong.with_suffix(".part")
    part.write_bytes(wrong.read_bytes()[: (104 << 20) + 5000])
    states.remove(wrong)
    states.keep(part, key)
    began = time.monotonic()
    with BumpLab(own, ["a"], "vm") as lab, pytest.raises(EnvironmentFault, match="load of migration failed"):
        lab.bump().__enter__()
    assert time.monotonic() - began < 20


def test_lanes_that_save_at_the_same_time_do_not_mix(rig: Rig, tmp_path: Path) -> None:
    """Each saves a state of its own and resumes it; every one that is left is whole, and no part is."""

    def lane(_: int) -> bool:
        said: list[str] = []
        vm.prepare(rig.engine, rig.router_image, 1, tmp_path, said.append)
        return "booting" in said[0]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lane, range(2))) == [True, True]
    files = [file for file in (tmp_path / states.FOLDER).iterdir() if not file.name.endswith(".read")]
    assert {file.suffix for file in files} == {".state"}
    assert [digest(file) for file in files] == [file.name.split(".")[1] for file in files]


def test_a_machine_is_ready_when_every_bump_forwards(own: Rig) -> None:
    """Not before its kernel has told each bridge of its ports' carriers: a state saved earlier would drop uncounted."""
    with BumpLab(own, ["a"], "vm") as lab:
        console = vm._launch(own.engine, lab.router, 1, None)
        console.knock(vm.BOOT_S)
        ports = console.run("cat /sys/class/net/*/brport/state").output.split()
        console.close()
    assert ports == [FORWARDING, FORWARDING]


def test_two_machines_of_one_state_lose_the_same_packets(own: Rig) -> None:
    """Same seed, same step: the dice are the lab's, not the state's; another seed loses others."""
    lost = []
    for seed in (7, 7, 8):
        with BumpLab(own, ["a"], "vm") as lab, lab.bump(seed=seed) as bump:
            bump.apply("impair", {UP: Impairment(loss=Loss(share=0.2))}, None)
            lost.append(lab.cross(bump, UP, 300, gap_ms=1).lost)
    assert lost[0] == lost[1] != lost[2]
