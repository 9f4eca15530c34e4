"""The bump's devices: twelve links, both drivers' tap points, states saved and damaged, and the way past it."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import EnvironmentFault
from lab.rig.bump import driver, states
from lab.rig.bump.vm import prepare
from lab.rig.layout.topology import SERVER
from lab.scenario.links import MAX_LINKS
from lab.scenario.model import Impairment
from tests.rig.bump_lab import BumpLab, Rig, counters, direction_of, frames

pytestmark = pytest.mark.rig


def test_twelve_links_change_at_once_and_a_dead_vm_is_named(rig: Rig) -> None:
    """The most a lab may have: 24 directions in one round trip; when QEMU dies, the next reading says so at once."""
    lab = BumpLab(rig, [f"c{i}" for i in range(MAX_LINKS)], "vm")
    lab.peopled = False
    with lab, lab.bump() as bump:
        asked = {(client, way): Impairment(delay_ms=30) for client in lab.clients for way in ("up", "down")}
        step = bump.apply("impair", asked, None)
        lab.sh("kill -9 $(cat /run/bump/qemu.pid)")
        with pytest.raises(EnvironmentFault, match="bump died"):
            bump.read("after")
    assert len(step.directions) == 24
    print(f"24 directions took {(step.to_ns - step.from_ns) / 1e6:.0f} ms")
    assert step.to_ns - step.from_ns < 600e6


def test_a_saved_state_resumes_fast_and_a_damaged_one_is_made_anew(rig: Rig, tmp_path: Path) -> None:
    """A second start resumes; after a byte was altered it says so, boots, and leaves a good state."""
    said: list[str] = []
    prepare(rig.engine, rig.router_image, 1, rig.cache, said.append)
    shutil.copytree(rig.cache / states.FOLDER, tmp_path / states.FOLDER)
    began = time.monotonic()
    prepare(rig.engine, rig.router_image, 1, tmp_path, said.append)
    took_s = time.monotonic() - began
    print(f"container, resume, answer and removal took {took_s:.2f} s")
    assert took_s < 10
    said.clear()
    for file in (tmp_path / states.FOLDER).glob("*-1.*.state"):
        with file.open("r+b") as stream:
            stream.seek(file.stat().st_size // 2)
            stream.write(b"damage")
    prepare(rig.engine, rig.router_image, 1, tmp_path, said.append)
    assert "damaged" in said[0]
    assert any(states.find(tmp_path, file.name.split(".")[0]).good for file in (tmp_path / states.FOLDER).iterdir())


LOAD_THROUGH_TBF = """
tc qdisc add dev {0} root handle 1: htb default 1
tc class add dev {0} parent 1: classid 1:1 htb rate 1gbit
tc class add dev {0} parent 1: classid 1:2 htb rate 1gbit
tc qdisc add dev {0} parent 1:2 handle 2: tbf rate 200kbit burst 3000 limit 6000
tc filter add dev {0} parent 1: protocol ip u32 match ip protocol 17 0xff match ip dport 9000 0xffff flowid 1:2
"""


def test_kernel_plumbing_has_both_taps_outside_the_qdiscs(rig: Rig) -> None:
    """The kernel driver's devices with what every kernel has, a tbf: before = sent + dropped, after = sent.

    Only the load goes through the tbf: an ICMP packet of the namespaces is not what the taps look for.
    """
    with BumpLab(rig, ["a"], "kernel") as lab:
        for device, before, after, sender in (
            ("up0", "edge0", "out0", "a"),
            ("down0", "out0", "edge0", "server:a"),
        ):
            lab.sh(LOAD_THROUGH_TBF.format(device))
            with lab.tapped(before, after) as files:
                lab.send(sender, 400)
                time.sleep(0.5)
            shown = json.loads(lab.sh(f"tc -j -s qdisc show dev {device}"))
            (tbf,) = (each for each in shown if each["kind"] == "tbf")
            seen = [len(list(frames(files[name]))) for name in (before, after)]
            assert seen == [tbf["packets"] + tbf["drops"], tbf["packets"]] == [400, 400 - tbf["drops"]]
            assert tbf["drops"] > 100


def test_nothing_but_the_lab_s_own_is_ever_in_it(rig: Rig) -> None:
    """Not a frame at the taps of a fresh lab, nor on any device since it was made: no host's bridge speaks into it."""
    with BumpLab(rig, ["a"], "kernel") as lab:
        with lab.tapped("edge0", "out0", "core", expression="") as files:
            time.sleep(1)
        carried = lab.sh("cd /sys/class/net; grep . edge0/statistics/?x_packets core/statistics/?x_packets")
    assert [len(list(frames(pcap))) for pcap in files.values()] == [0, 0, 0]
    assert [line.split(":")[1] for line in carried.splitlines()] == ["0"] * 4


def test_nodes_end_with_their_router(rig: Rig) -> None:
    """Whatever ends it, a deadline or a kill: nothing of a lab stands around without its middle."""
    with BumpLab(rig, ["a"], "kernel") as lab:
        lab.engine.signal(lab.router, "SIGKILL")
        assert [lab.engine.wait(node, 10) for node in lab.nodes.values()] == [137, 137]


def test_a_user_who_is_not_root_has_nodes_too_and_captures_in_his_folder(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The router may write there what its root else may not, and its nodes may name it all the same."""
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    his = tmp_path / "his"
    his.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(his, 1000, 1000)
    with BumpLab(replace(rig, cache=his), ["a"], "kernel") as lab:
        assert set(lab.nodes) == {"a", SERVER}
        lab.sh("touch /results/captured")
    assert (his / "captured").exists()


def test_packets_that_walk_past_are_seen_by_the_counters(rig: Rig) -> None:
    """With ARP answered on the edge bridge, edge and core carry the packets and the bump counts none of them."""
    lab = BumpLab(rig, ["a", "b"], "vm")
    lab.sysctls = {"net.ipv4.conf.all.arp_ignore": "0"}
    with lab, lab.bump() as bump:
        lab.walk_past("a")
        lab.connect("a")
        first = bump.read("first")
        with lab.tapped("edge0", "out0", "core") as files:
            lab.send("a", 100)
        last = bump.read("last")
        sent = [counters(direction_of(step, ("a", "up")))["2:"] for step in (first, last)]
    assert [len(list(frames(files[name]))) for name in ("edge0", "out0", "core")] == [100, 0, 100]
    assert sent[0] == sent[1]


def test_the_driver_is_chosen_by_trying(rig: Rig) -> None:
    """Without insisting, one is found; insisting on a kernel that cannot is an error with tc's words."""
    found = driver.choose(rig.engine, rig.router_image, None)
    if found == "vm":
        with pytest.raises(EnvironmentFault, match="cannot impair"):
            driver.choose(rig.engine, rig.router_image, "kernel")
    else:
        assert driver.choose(rig.engine, rig.router_image, "kernel") == "kernel"
