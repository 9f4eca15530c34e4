"""The real engine keeps the protocol's promises, and leaves nothing behind."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import EnvironmentFault
from lab.host import images
from lab.rig.engine.docker_engine import DockerEngine
from lab.rig.engine.engine import EXPIRES_LABEL, NO_LIMIT, OWNER_LABEL, RUN_LABEL, ContainerSpec, Mount, SubnetTaken
from lab.rig.layout import owner
from lab.rig.standing import cleanup

pytestmark = pytest.mark.rig
DEADLINE_S = 60


class Bench:
    """A run's worth of labels on the real engine."""

    def __init__(self, engine: DockerEngine, image: str) -> None:
        """Make up a run."""
        self.engine = engine
        self.image = image
        self.run = secrets.token_hex(5)
        self.labels = {
            RUN_LABEL: self.run,
            OWNER_LABEL: owner.token(),
            EXPIRES_LABEL: owner.expires(DEADLINE_S),
        }

    def spec(self, part: str, *command: str) -> ContainerSpec:
        """Return a container of the run that runs `command`."""
        return ContainerSpec(
            name=f"lab-{self.run}-{part}",
            image=self.image,
            command=command or ("sleep", "infinity"),
            labels=self.labels,
            deadline_s=DEADLINE_S,
        )

    def network(self, part: str) -> tuple[str, str]:
        """Create a network in a block that is free; return its id and the start of its addresses."""
        for _ in range(20):
            prefix = f"198.19.{secrets.randbelow(256)}."
            try:
                return self.engine.create_network(f"lab-{self.run}-{part}", f"{prefix}0/26", self.labels), prefix
            except SubnetTaken:
                continue
        raise AssertionError("20 blocks of 198.19.0.0/16 are taken")


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerEngine]:
    """Connect to the engine of this machine."""
    found = DockerEngine.connect()
    yield found
    found.close()


@pytest.fixture
def bench(engine: DockerEngine) -> Iterator[Bench]:
    """Make a run, and prove that a sweep by its label leaves nothing."""
    ready = images.present(engine)
    assert ready is not None, "the images are missing: run `make setup`"
    made = Bench(engine, ready.router.reference)
    yield made
    cleanup.sweep(engine, {RUN_LABEL: made.run}).raise_if_any(made.run)
    assert cleanup.found(engine, {RUN_LABEL: made.run}) == ()


def until(condition: Callable[[], bool], within_s: float) -> bool:
    """Return whether `condition` came true in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def test_a_container_is_unprivileged_with_a_read_only_root(bench: Bench) -> None:
    """No capability, not even as root; no new privilege; the root refuses writes, /tmp takes them."""
    container = bench.engine.start(bench.spec("box"))
    said = bench.engine.execute(
        container, ["sh", "-c", "grep -E 'CapBnd|NoNewPrivs' /proc/self/status; touch /x; touch /tmp/x && echo tmp"]
    )
    assert "CapBnd:\t0000000000000000" in said.stdout
    assert "NoNewPrivs:\t1" in said.stdout
    assert "Read-only file system" in said.stderr
    assert said.stdout.endswith("tmp\n")


def test_networks_have_their_addresses_and_nobody_resolves_names(bench: Bench) -> None:
    """Two networks with fixed addresses; a look-up fails at once, also in a container that joins."""
    (one, first), (two, second) = bench.network("one"), bench.network("two")
    spec = replace(bench.spec("box"), networks={one: f"{first}10", two: f"{second}10"})
    container = bench.engine.start(spec)
    joined = bench.engine.start(replace(bench.spec("joined"), join=container))
    for each in (container, joined):
        addresses = bench.engine.execute(each, ["ip", "-4", "-br", "address"]).stdout
        assert f"{first}10/26" in addresses
        assert f"{second}10/26" in addresses
        look_up = bench.engine.execute(each, ["getent", "hosts", "example.com"], timeout_s=3)
        assert look_up.exit_code == 2
    assert {state.containers for state in bench.engine.networks(bench.labels)} == {(container,)}


def test_a_taken_subnet_is_told_apart(bench: Bench) -> None:
    """Overlap is SubnetTaken, so that the caller tries another block."""
    _, prefix = bench.network("one")
    with pytest.raises(SubnetTaken, match="try another block"):
        bench.engine.create_network(f"lab-{bench.run}-two", f"{prefix}0/28", bench.labels)


def test_the_deadline_ends_a_container_that_everybody_forgot(bench: Bench) -> None:
    """KILL from the inside after `deadline_s`: exit code 137."""
    container = bench.engine.start(replace(bench.spec("box"), deadline_s=1))
    assert bench.engine.wait(container, 10) == 137


def test_sigterm_reaches_the_program_and_its_grace_is_its_own(bench: Bench) -> None:
    """The program takes two seconds to end after SIGTERM and is not cut short; its own exit code arrives."""
    script = "trap 'sleep 2; echo ended; exit 7' TERM; echo up; while :; do sleep 0.1; done"
    container = bench.engine.start(bench.spec("box", "bash", "-c", script))
    assert until(lambda: "up" in bench.engine.logs(container), 10)
    bench.engine.signal(container, "SIGTERM")
    assert bench.engine.wait(container, 20) == 7
    assert bench.engine.logs(container).endswith("ended\n")
    bench.engine.signal(container, "SIGTERM")


def test_waiting_has_an_end(bench: Bench) -> None:
    """What still runs is a TimeoutError, not an engine's fault."""
    container = bench.engine.start(bench.spec("box"))
    with pytest.raises(TimeoutError, match="still runs"):
        bench.engine.wait(container, 1)


def test_execute_carries_input_output_error_and_exit_code(bench: Bench) -> None:
    """A megabyte in, a megabyte out, error apart; a missing program is 127; one without end is killed and named."""
    container = bench.engine.start(bench.spec("box"))
    data = bytes(range(32, 127)) * 11_000
    said = bench.engine.execute(container, ["sh", "-c", "cat; echo oops >&2; exit 3"], stdin=data)
    assert (said.exit_code, said.stdout.encode() == data, said.stderr) == (3, True, "oops\n")
    assert bench.engine.execute(container, ["nonesuch"]).exit_code == 127
    with pytest.raises(EnvironmentFault, match="no end after 1 s"):
        bench.engine.execute(container, ["sleep", "30"], timeout_s=1)
    assert "sleep 30" not in bench.engine.execute(container, ["ps", "-eo", "args"]).stdout


def test_a_shell_answers_line_by_line(bench: Bench) -> None:
    """A stream to a running program: question, answer, silence, end."""
    container = bench.engine.start(bench.spec("box"))
    shell = bench.engine.shell(container, ["sh"])
    shell.write(b"echo one\n")
    assert shell.read(5) == b"one\n"
    with pytest.raises(TimeoutError):
        shell.read(0.2)
    shell.write(b"exit\n")
    assert shell.read(5) == b""
    shell.close()
    shell.close()


def test_a_failed_start_leaves_no_container(bench: Bench) -> None:
    """Docker keeps what it could create but not start; `start` removes it and says why it failed."""
    broken = replace(bench.spec("box"), devices=("/dev/nonesuch",))
    with pytest.raises(EnvironmentFault, match="nonesuch"):
        bench.engine.start(broken)
    assert bench.engine.containers(bench.labels) == []


def test_a_missing_mount_source_is_refused_and_not_made(bench: Bench, tmp_path: Path) -> None:
    """Docker's old way would create an empty folder as root."""
    absent = tmp_path / "absent"
    with pytest.raises(EnvironmentFault, match="absent"):
        bench.engine.start(replace(bench.spec("box"), mounts=(Mount(source=absent, target="/m"),)))
    assert not absent.exists()


def test_limits_change_while_it_runs(bench: Bench) -> None:
    """A tenth of a CPU, set live, is what the cgroup then says (v1 or v2); and lifted again, that there is no limit."""
    container = bench.engine.start(replace(bench.spec("box"), cpus=1.0))
    bench.engine.update(container, cpus=0.1, memory_bytes=64 << 20)
    assert _limits(bench, container) == ("10000", str(64 << 20))
    bench.engine.update(container, cpus=NO_LIMIT, memory_bytes=NO_LIMIT)
    quota, memory = _limits(bench, container)
    assert quota in ("-1", "max")
    assert memory == "max" or int(memory) > 1 << 59


def _limits(bench: Bench, container: str) -> tuple[str, str]:
    """Return what the container's cgroup says of CPU and memory."""
    root = "/sys/fs/cgroup"
    files = (f"{root}/cpu.max {root}/cpu/cpu.cfs_quota_us", f"{root}/memory.max {root}/memory/memory.limit_in_bytes")
    said = [bench.engine.execute(container, ["sh", "-c", f"cat {each} 2>/dev/null || true"]).stdout for each in files]
    return said[0].split()[0], said[1].split()[0]


def test_what_is_gone_is_gone_twice(bench: Bench) -> None:
    """Removal of what is not there is success; its state is None."""
    network, prefix = bench.network("one")
    container = bench.engine.start(replace(bench.spec("box"), networks={network: f"{prefix}10"}))
    bench.engine.remove_network(network)
    bench.engine.remove_network(network)
    bench.engine.remove(container)
    bench.engine.remove(container)
    bench.engine.signal(container, "SIGTERM")
    assert bench.engine.state(container) is None


LAB = """
import os, sys
from pathlib import Path
from lab.rig.layout import owner
from lab.rig.standing import watchdog
from lab.rig.engine.docker_engine import DockerEngine
from lab.rig.engine.engine import OWNER_LABEL, RUN_LABEL, ContainerSpec
run, image, prefix, scratch, end = sys.argv[1:]
engine = DockerEngine.connect()
labels = {RUN_LABEL: run, OWNER_LABEL: owner.token()}
with watchdog.guard(run, [Path(scratch)]) as guard:
    network = engine.create_network(f"lab-{run}-w", prefix + "64/26", labels)
    guard.ready()
    engine.start(ContainerSpec(name=f"lab-{run}-w", image=image, command=("sleep", "infinity"), labels=labels,
                               deadline_s=60, networks={network: prefix + "70"}))
    if end == "kill":
        os.kill(os.getpid(), 9)
    if end == "leave":
        guard.dismiss()
engine.close()
"""
"""A lab of one network and one container that is killed inside its guard, or leaves it, or fails to clean up."""


@pytest.mark.parametrize(("end", "status", "remains"), [("kill", -9, False), ("leave", 0, True), ("fail", 0, False)])
def test_the_watchdog_cleans_up_unless_it_was_dismissed(
    bench: Bench, tmp_path: Path, end: str, status: int, remains: bool
) -> None:
    """Kill -9, or no word: containers, networks and temporary paths are gone in 10 s. A lab that left keeps its own."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    _, prefix = bench.network("other")
    bench.engine.remove_network(bench.engine.networks(bench.labels)[0].id)
    argv = [sys.executable, "-c", LAB, bench.run, bench.image, prefix, str(scratch), end]
    assert subprocess.run(argv, check=False).returncode == status
    gone = until(lambda: not cleanup.found(bench.engine, {RUN_LABEL: bench.run}), 1 if remains else 10)
    assert gone is not remains
    assert until(lambda: not scratch.exists(), 1 if remains else 10) is not remains
