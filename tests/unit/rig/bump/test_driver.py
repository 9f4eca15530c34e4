"""The bump tells a kernel what to do and believes only what it reads back."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lab.errors import EnvironmentFault
from lab.rig.bump import driver
from lab.rig.bump.driver import JOINED, TAPPED, Bump, held, router_needs, router_script, startable
from lab.rig.bump.plumbing import Driver
from lab.rig.engine.engine import ContainerSpec
from lab.rig.layout.topology import topology
from lab.scenario.model import Impairment, Loss
from tests.fakes.engine import FakeEngine
from tests.rig.bump_lab import scenario

COUNTERS = {"bytes": 0, "packets": 0, "drops": 0, "overlimits": 0, "qlen": 0}


class Kernel:
    """A shell whose tc remembers what it was told, as far as the tests look; `lie` changes what it shows of netem."""

    def __init__(self) -> None:
        self.netem: dict[str, dict[str, object]] = {}
        self.tbf: dict[str, dict[str, object]] = {}
        self.filters: dict[str, set[tuple[int, str]]] = {}
        self.lie: dict[str, object] = {}
        self.held = 0
        self.dead = False
        self.pending = b""

    def shell(self, container: str, argv: Sequence[str]) -> Kernel:
        """Stand for the engine too."""
        return self

    def write(self, data: bytes) -> None:
        """Run a script and prepare its answer."""
        text = data.decode()
        if text.startswith("printf"):
            _, _, *batch, _, _ = shlex.split(text.replace(">", "> "))
            said = [answer for line in batch for answer in self._tc(line.split())]
        else:
            (token,) = re.findall(r"--[0-9a-f]{16}--", text)
            facts = ["6.12.1", "tc utility, iproute2-6.15.0, libbpf 1.5.0", "seeded"] if "uname" in text else []
            said = [*facts, f"\n{token} 0"]
        self.pending = "\n".join([*said, ""]).encode()

    def read(self, timeout_s: float) -> bytes:
        """Give the answer, or the end when dead."""
        return b"" if self.dead else self.pending

    def close(self) -> None:
        """Die."""
        self.dead = True

    def _tc(self, line: list[str]) -> Iterator[str]:
        device = line[line.index("dev") + 1] if "dev" in line else ""
        pref = int(line[line.index("prio") + 1]) if "prio" in line and line[0] == "filter" else 0
        match line[:2]:
            case ["qdisc", "show"]:
                yield json.dumps([qdisc for name in self.netem for qdisc in self._tree(name)])
            case ["filter", "show"]:
                rules = sorted(self.filters[device])
                yield json.dumps([{"pref": pref, "options": {"flowid": flow}} for pref, flow in rules])
            case ["filter", "add"]:
                self.filters.setdefault(device, set()).add((pref, line[-1]))
            case ["filter", "del"]:
                self.filters[device] = {rule for rule in self.filters[device] if rule[0] != pref}
            case ["qdisc", _] if "netem" in line:
                self.netem[device] = self._netem(" ".join(line))
            case ["qdisc", _] if "tbf" in line:
                rate, burst, limit = re.findall(r"rate (\d+)bit burst (\d+) limit (\d+)", " ".join(line))[0]
                self.tbf[device] = {"rate": int(rate) // 8, "burst": int(burst), "limit": int(limit)}

    def _netem(self, line: str) -> dict[str, object]:
        def number(pattern: str) -> float:
            return float(re.findall(pattern + r" ([\d.]+)", line)[0])

        return {
            "limit": number("limit"),
            "delay": {"delay": number("delay") / 1000, "jitter": 0},
            "loss-random": {"loss": number("random") / 100},
            "rate": {"rate": number("rate") / 8},
            "seed": number("seed"),
        }

    def _tree(self, device: str) -> Iterator[dict[str, object]]:
        for kind, handle, parent, options in (
            ("prio", "1:", None, {"priomap": [0] * 16}),
            ("netem", "2:", "1:2", self.netem[device] | self.lie),
            ("pfifo", "10:", "1:1", {"limit": 10_000}),
            ("pfifo", "3:", "1:3", {"limit": 0}),
            ("tbf", "20:", "2:1", self.tbf[device]),
        ):
            place = {"parent": parent} if parent else {"root": True}
            yield (
                {"dev": device, "kind": kind, "handle": handle, "options": options, **place}
                | COUNTERS
                | {"qlen": self.held}
            )


@pytest.fixture
def kernel() -> Kernel:
    """Give a kernel that has been told nothing."""
    return Kernel()


@pytest.fixture
def bump(kernel: Kernel) -> Iterator[Bump]:
    """Give a bump of two links on it, clean."""
    made = Bump(
        machine=lambda: "",
        engine=kernel,  # type: ignore[arg-type]
        router="r",
        topology=topology(scenario(["a", "b"])),
        driver="kernel",
        seed=7,
        impair_only="all",
        cache=Path("unused"),
    )
    with made:
        yield made


def test_it_begins_clean_and_says_with_what(bump: Bump, kernel: Kernel) -> None:
    """Four trees, every one read back; versions as numbers."""
    assert sorted(kernel.netem) == ["down0", "down1", "up0", "up1"]
    assert (bump.facts.kernel, bump.facts.iproute2, bump.facts.qemu) == ("6.12.1", "6.15.0", None)
    assert (bump.facts.seeded, bump.facts.resumed) == (True, False)


def test_a_step_holds_what_was_run_and_what_was_read(bump: Bump) -> None:
    """Only the directions that changed, with their argument lists, between two moments."""
    asked = Impairment(delay_ms=40, loss=Loss(share=0.2), rate_bps=400_000, queue_bytes=10_000)
    step = bump.apply("impair", {("b", "down"): asked}, 123)
    (way,) = step.directions
    assert (step.name, step.due_ns, way.client, way.direction) == ("impair", 123, "b", "down")
    assert step.from_ns <= step.to_ns
    assert [line[4] for line in way.argv] == ["down1", "down1"]
    assert json.loads(way.qdiscs[1].options_json)["delay"]["delay"] == 0.04


def test_the_step_s_name_decides_the_seed(bump: Bump, kernel: Kernel) -> None:
    """Repeated, the same dice; another step, other dice."""
    seeds = []
    for name in ("impair", "change-1", "impair"):
        bump.apply(name, {("a", "up"): Impairment(loss=Loss(share=0.5))}, None)
        seeds.append(kernel.netem["up0"]["seed"])
    assert seeds[0] == seeds[2] != seeds[1]


def test_blocks_come_and_go_with_the_state_in_force(bump: Bump, kernel: Kernel) -> None:
    """The filters are those of the last step, whatever came before."""
    bump.apply("block", {("a", "up"): Impairment(block=("udp",))}, None)
    assert kernel.filters["up0"] == {(2, "1:3"), (20, "1:2")}
    bump.apply("outage", {("a", "up"): Impairment(outage=True)}, None)
    assert kernel.filters["up0"] == {(1, "1:3"), (20, "1:2")}
    bump.apply("clean", {("a", "up"): Impairment()}, None)
    assert kernel.filters["up0"] == {(20, "1:2")}


def test_a_kernel_that_does_something_else_is_found_out(bump: Bump, kernel: Kernel) -> None:
    """At the change, and at any later reading."""
    kernel.lie = {"loss-random": {"loss": 0.1}}
    with pytest.raises(EnvironmentFault, match=r"up0: asked for loss 0\.2, the kernel holds 0\.1"):
        bump.apply("impair", {("a", "up"): Impairment(loss=Loss(share=0.2))}, None)
    with pytest.raises(EnvironmentFault, match="asked for loss"):
        bump.read("final")


def test_reading_changes_nothing_and_shows_all(bump: Bump) -> None:
    """Every direction, and nothing is run."""
    step = bump.read("final")
    assert [(way.client, way.direction, way.argv) for way in step.directions] == [
        (client, direction, ()) for client in "ab" for direction in ("up", "down")
    ]


def test_what_any_qdisc_holds_is_held(bump: Bump, kernel: Kernel) -> None:
    """One held packet anywhere counts."""
    assert held(bump.read("final")) == 0
    kernel.held = 1
    assert held(bump.read("final")) > 0


def test_a_dead_console_is_named(bump: Bump, kernel: Kernel) -> None:
    """The end of what impairs is the environment's fault, not the network's."""
    kernel.dead = True
    with pytest.raises(EnvironmentFault, match="bump died"):
        bump.read("final")


def test_only_the_vm_needs_more_of_the_router() -> None:
    """The tun device, and the cache for its states."""
    assert router_needs("kernel", Path("/c")).devices == ()
    needs = router_needs("vm", Path("/c"))
    assert needs.devices == ("/dev/net/tun",)
    assert [(mount.source, mount.read_only) for mount in needs.mounts] == [(Path("/c"), False)]


LAB = topology(scenario(["a", "b"]))


def test_a_router_makes_the_vm_s_taps_first_and_joins_the_nodes_last() -> None:
    """Once it has said that they are there, the VM comes up while the rest is made; what fails is never said."""
    text = router_script(LAB, "vm")
    steps = ["tuntap add dev in0 ", "tuntap add dev out1 ", "cat /machine/id\n", f"echo {TAPPED}\n"]
    steps += ["link add core ", "link add wire1 ", f"until [ -e /sys/class/net/{LAB.server.port} ]"]
    steps += [f"link set {LAB.nodes[-1].port} up\n", f"echo {JOINED}\n"]
    places = [text.index(step) for step in steps]
    assert places == sorted(places)
    assert text.endswith(steps[-1])
    assert text.count(TAPPED) == text.count(JOINED) == 1


def test_a_router_without_a_vm_has_no_taps_and_one_without_nodes_waits_for_none() -> None:
    """It says the same words."""
    text = router_script(LAB, "kernel", peopled=False)
    assert text.startswith(f"echo {TAPPED}\n")
    assert text.endswith(f"echo {JOINED}\n")
    assert not [each for each in ("tuntap", "machine", "until", LAB.server.port) if each in text]


def test_a_line_that_fails_is_the_last_one() -> None:
    """The router's shell ends there, and what it was to say is not said."""
    sh = shutil.which("sh")
    assert sh is not None
    shell = (sh, "-ec", router_script(LAB, "kernel"))
    done = subprocess.run(shell, capture_output=True, text=True, check=False, env={"PATH": ""})
    assert (done.returncode != 0, done.stdout) == (True, f"{TAPPED}\n")


@pytest.mark.parametrize(
    ("name", "said", "machine"),
    [("vm", f"id\nQEMU 9\n{TAPPED}\n", "id\nQEMU 9\n"), ("kernel", f"{TAPPED}\n{JOINED}\n", "")],
)
def test_a_bump_can_be_started_when_its_devices_are_there(name: Driver, said: str, machine: str) -> None:
    """A VM with its taps, while nodes are still joined; the kernel's own with all of them."""
    engine = FakeEngine(said=said)
    router = engine.start(ContainerSpec(name="r", image="i", command=(), labels={}, deadline_s=1))
    assert startable(engine, router, name) == machine


def test_the_kernel_s_bump_waits_for_more_than_taps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its devices are made after them."""
    monkeypatch.setattr(driver, "ROUTER_S", 0.05)
    engine = FakeEngine(said=f"{TAPPED}\n")
    router = engine.start(ContainerSpec(name="r", image="i", command=(), labels={}, deadline_s=1))
    for wait in (lambda: startable(engine, router, "kernel"), lambda: driver.joined(engine, router)):
        with pytest.raises(EnvironmentFault, match="the router was not ready within"):
            wait()
