"""A cgroup's accounts, read from either version of the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.rig.engine.cgroup import Cgroup, holds, killed_for_memory


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_version_1_counts_nanoseconds(tmp_path: Path) -> None:
    """cpu.stat has throttled_time in ns; usage and memory are files of other controllers."""
    _write(tmp_path / "proc/7/cgroup", "3:memory:/docker/x\n2:cpuacct:/docker/x\n1:cpu:/docker/x\n0::/\n")
    _write(tmp_path / "cg/cpu/docker/x/cpu.stat", "nr_periods 9\nnr_throttled 4\nthrottled_time 5000\n")
    _write(tmp_path / "cg/cpuacct/docker/x/cpuacct.usage", "123\n")
    _write(tmp_path / "cg/memory/docker/x/memory.usage_in_bytes", "77\n")
    _write(tmp_path / "cg/memory/docker/x/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    now = Cgroup(7, tmp_path / "cg", tmp_path / "proc").read()
    assert (now.cpu_ns, now.throttled_ns, now.throttled_periods) == (123, 5000, 4)
    assert (now.memory_bytes, now.oom_kills) == (77, 2)


def test_kills_that_a_kernel_does_not_count_are_unknown(tmp_path: Path) -> None:
    """Not none."""
    _write(tmp_path / "proc/7/cgroup", "3:memory:/x\n2:cpuacct:/x\n1:cpu:/x\n")
    _write(tmp_path / "cg/cpu/x/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n")
    _write(tmp_path / "cg/cpuacct/x/cpuacct.usage", "1\n")
    _write(tmp_path / "cg/memory/x/memory.usage_in_bytes", "1\n")
    _write(tmp_path / "cg/memory/x/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n")
    assert Cgroup(7, tmp_path / "cg", tmp_path / "proc").read().oom_kills is None


def test_version_2_counts_microseconds(tmp_path: Path) -> None:
    """Everything is in one folder; usage_usec and throttled_usec become ns."""
    _write(tmp_path / "proc/7/cgroup", "0::/system.slice/docker-x.scope\n")
    place = tmp_path / "cg/system.slice/docker-x.scope"
    _write(place / "cpu.stat", "usage_usec 12\nnr_throttled 3\nthrottled_usec 8\n")
    _write(place / "memory.current", "99\n")
    _write(place / "memory.events", "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n")
    now = Cgroup(7, tmp_path / "cg", tmp_path / "proc").read()
    assert (now.cpu_ns, now.throttled_ns, now.throttled_periods) == (12000, 8000, 3)
    assert (now.memory_bytes, now.oom_kills) == (99, 1)


def test_the_longest_wait_of_any_task_since_the_look_before(tmp_path: Path) -> None:
    """Of the tasks that are there: one has waited 5 and 40 ns more, a new one 30, one has ended; unknown at first."""
    _write(tmp_path / "proc/7/cgroup", "0::/x\n")
    _write(tmp_path / "cg/x/cpu.stat", "usage_usec 12\nnr_throttled 3\nthrottled_usec 8\n")
    _write(tmp_path / "cg/x/memory.current", "99\n")
    _write(tmp_path / "cg/x/memory.events", "oom_kill 1\n")
    _write(tmp_path / "proc/self/schedstat", "1 1 1\n")
    group = Cgroup(7, tmp_path / "cg", tmp_path / "proc")
    found = []
    for waits in ({7: 5, 8: 60}, {7: 10, 8: 100}, {7: 10, 9: 30}):
        _write(tmp_path / "cg/x/cgroup.threads", "".join(f"{task}\n" for task in (*waits, 99)))
        for task, waited in waits.items():
            _write(tmp_path / f"proc/{task}/schedstat", f"1000 {waited} 4\n")
        found.append(group.read().waited_ns)
    assert found == [None, 40, 30]


def test_a_kernel_without_scheduler_accounts_says_nothing(tmp_path: Path) -> None:
    """None, which is not 0."""
    _write(tmp_path / "proc/7/cgroup", "0::/x\n")
    _write(tmp_path / "cg/x/cpu.stat", "usage_usec 12\nnr_throttled 3\nthrottled_usec 8\n")
    _write(tmp_path / "cg/x/memory.current", "99\n")
    _write(tmp_path / "cg/x/memory.events", "oom_kill 1\n")
    group = Cgroup(7, tmp_path / "cg", tmp_path / "proc")
    assert [group.read().waited_ns, group.read().waited_ns] == [None, None]


def test_a_dead_process_has_no_cgroup(tmp_path: Path) -> None:
    """The caller learns that the container is gone."""
    with pytest.raises(FileNotFoundError):
        Cgroup(7, tmp_path, tmp_path)


@pytest.mark.parametrize("text", ["0::/gone\n", "1:cpu:/gone\n", "2:cpu:/\n", "1:name=systemd:/\n"])
def test_accounts_that_are_not_there_are_one_error(tmp_path: Path, text: str) -> None:
    """Of either version, a controller that is not mounted, and none at all."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7/cgroup").write_text(text)
    with pytest.raises(FileNotFoundError, match="no cgroup"):
        Cgroup(7, tmp_path / "cg", tmp_path)


@pytest.mark.parametrize("said", ["3:memory:/\n2:cpuacct:/\n1:cpu:/\n0::/\n", "0::/\n", ""], ids=["1", "2", "gone"])
def test_a_process_in_no_container_has_no_accounts(tmp_path: Path, said: str) -> None:
    """Version 1 puts one that has ended into the root, whose accounts are the whole machine's."""
    _write(tmp_path / "proc/7/cgroup", said)
    for controller in ("cpu", "cpuacct", "memory"):
        (tmp_path / "cg" / controller).mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="no cgroup of its own has process 7"):
        Cgroup(7, tmp_path / "cg", tmp_path / "proc")


def test_of_what_is_gone_the_kernel_says_nothing() -> None:
    """No process has this number."""
    assert not killed_for_memory(0)


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("4:memory:/docker/c0ffee\n0::/docker/c0ffee\n", True),
        ("0::/system.slice/docker-c0ffee.scope\n", True),
        ("0::/../c0ffee\n", True),
        ("0::/user.slice/session-1.scope\n", False),
        ("4:memory:/\n0::/\n", False),
        ("0::/docker/decaf\n", False),
        (None, False),
    ],
    ids=["v1", "systemd", "seen from a container", "of a user", "ended", "of another container", "gone"],
)
def test_a_process_is_a_containers_where_its_cgroup_says_so(tmp_path: Path, text: str | None, there: bool) -> None:
    """However the engine calls the group, the id is in it."""
    if text is not None:
        _write(tmp_path / "7/cgroup", text)
    assert holds("c0ffee", 7, tmp_path) is there
