"""The real engine keeps the protocol's promises, and leaves nothing behind."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import EnvironmentFault
from lab.host import images
from lab.rig.engine.docker_engine import DockerEngine
from lab.rig.engine.engine import EXPIRES_LABEL, NO_LIMIT, OWNER_LABEL, RUN_LABEL, ContainerSpec, Mount
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


def test_a_container_has_no_network_and_nobody_resolves_names(bench: Bench) -> None:
    """Nothing but itself, and what one makes the other has that joins it; a look-up fails at once."""
    container = bench.engine.start(replace(bench.spec("box"), capabilities=("NET_ADMIN",)))
    joined = bench.engine.start(replace(bench.spec("joined"), join=container))
    for each in (container, joined):
        assert bench.engine.execute(each, ["ls", "/sys/class/net"]).stdout == "lo\n"
        assert bench.engine.execute(each, ["ip", "route"]).stdout == ""
        assert bench.engine.execute(each, ["getent", "hosts", "example.com"], timeout_s=3).exit_code == 2
        assert bench.engine.execute(each, ["getent", "ahosts", "localhost"]).stdout.startswith("127.0.0.1 ")
        assert ",UP," in bench.engine.execute(each, ["ip", "-br", "link", "show", "lo"]).stdout
    bench.engine.execute(container, ["ip", "link", "add", "made", "type", "bridge"])
    assert bench.engine.execute(joined, ["ls", "/sys/class/net"]).stdout == "lo\nmade\n"


def test_shared_processes_are_seen_and_end_together(bench: Bench) -> None:
    """What shares another's process namespace sees its programs, is in no network of it, and dies with it."""
    first = bench.engine.start(bench.spec("first", "sleep", "1001"))
    second = bench.engine.start(replace(bench.spec("second", "sleep", "1002"), processes=first))
    programs = bench.engine.execute(second, ["ps", "-eo", "args"]).stdout
    assert "sleep 1001" in programs
    assert "sleep 1002" in programs
    links = [bench.engine.execute(each, ["readlink", "/proc/self/ns/net"]).stdout for each in (first, second)]
    assert links[0] != links[1]
    bench.engine.signal(first, "SIGKILL")
    assert bench.engine.wait(second, 10) == 137


def test_a_log_is_listened_to_from_its_first_word_to_its_end(bench: Bench) -> None:
    """Whenever one begins to listen; both outputs; silence is a TimeoutError, and the container's end the end."""
    script = "echo one; echo oops >&2; until [ -e /tmp/go ]; do sleep 0.1; done; echo two"
    container = bench.engine.start(bench.spec("box", "sh", "-c", script))
    assert until(lambda: {"one", "oops"} <= set(bench.engine.logs(container).split()), 10)
    with closing(bench.engine.listen(container)) as stream:
        assert {stream.read(5), stream.read(5)} == {b"one\n", b"oops\n"}
        with pytest.raises(TimeoutError):
            stream.read(0.2)
        bench.engine.execute(container, ["touch", "/tmp/go"])
        assert (stream.read(10), stream.read(10)) == (b"two\n", b"")
    with closing(bench.engine.listen(container)) as late:
        assert [late.read(5) for _ in range(4)][-2:] == [b"two\n", b""]


def test_nobody_listens_to_what_is_gone(bench: Bench) -> None:
    """It is refused with the engine's words."""
    container = bench.engine.start(bench.spec("box"))
    bench.engine.remove(container)
    with (
        closing(bench.engine.listen(container)) as stream,
        pytest.raises(EnvironmentFault, match=r"log refused: .*No such container"),
    ):
        stream.read(5)


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


def test_a_program_killed_for_memory_is_told_at_once(bench: Bench) -> None:
    """By whom it is in: the container lives on, and the kernel's word is there before the engine's event."""
    container = bench.engine.start(replace(bench.spec("box"), memory_bytes=32 << 20))
    before = bench.engine.state(container)
    assert bench.engine.execute(container, ["sh", "-c", "head -c 99M /dev/zero | tail"]).exit_code == 137
    after = bench.engine.state(container)
    assert before
    assert after
    assert (before.running, before.oom_killed, after.running, after.oom_killed) == (True, False, True, True)


def test_what_is_gone_is_gone_twice(bench: Bench) -> None:
    """Removal of what is not there is success; its state is None."""
    container = bench.engine.start(bench.spec("box"))
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
run, image, scratch, end = sys.argv[1:]
engine = DockerEngine.connect()
labels = {RUN_LABEL: run, OWNER_LABEL: owner.token()}
with watchdog.guard(run, [Path(scratch)]) as guard:
    guard.ready()
    engine.start(ContainerSpec(name=f"lab-{run}-w", image=image, command=("sleep", "infinity"), labels=labels,
                               deadline_s=60))
    if end == "kill":
        os.kill(os.getpid(), 9)
    if end == "leave":
        guard.dismiss()
engine.close()
"""
"""A lab of one container that is killed inside its guard, or leaves it, or fails to clean up."""


@pytest.mark.parametrize(("end", "status", "remains"), [("kill", -9, False), ("leave", 0, True), ("fail", 0, False)])
def test_the_watchdog_cleans_up_unless_it_was_dismissed(
    bench: Bench, tmp_path: Path, end: str, status: int, remains: bool
) -> None:
    """Kill -9, or no word: containers and temporary paths are gone in 10 s. A lab that left keeps its own."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    argv = [sys.executable, "-c", LAB, bench.run, bench.image, str(scratch), end]
    assert subprocess.run(argv, check=False).returncode == status
    gone = until(lambda: not cleanup.found(bench.engine, {RUN_LABEL: bench.run}), 1 if remains else 10)
    assert gone is not remains
    assert until(lambda: not scratch.exists(), 1 if remains else 10) is not remains
