"""A cgroup's accounts, read from either version of the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.rig.witnesses import Cgroup


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_version_1_counts_nanoseconds(tmp_path: Path) -> None:
    """cpu.stat has throttled_time in ns; usage and memory are files of other controllers."""
    _write(tmp_path / "proc/7/cgroup", "3:memory:/docker/x\n2:cpuacct:/docker/x\n1:cpu:/docker/x\n0::/\n")
    _write(tmp_path / "cg/cpu/docker/x/cpu.stat", "nr_periods 9\nnr_throttled 4\nthrottled_time 5000\n")
    _write(tmp_path / "cg/cpuacct/docker/x/cpuacct.usage", "123\n")
    _write(tmp_path / "cg/memory/docker/x/memory.usage_in_bytes", "77\n")
    now = Cgroup(7, tmp_path / "cg", tmp_path / "proc").read()
    assert (now["cpu_ns"], now["throttled_ns"], now["throttled_periods"], now["memory_bytes"]) == (123, 5000, 4, 77)


def test_version_2_counts_microseconds(tmp_path: Path) -> None:
    """Everything is in one folder; usage_usec and throttled_usec become ns."""
    _write(tmp_path / "proc/7/cgroup", "0::/system.slice/docker-x.scope\n")
    place = tmp_path / "cg/system.slice/docker-x.scope"
    _write(place / "cpu.stat", "usage_usec 12\nnr_throttled 3\nthrottled_usec 8\n")
    _write(place / "memory.current", "99\n")
    now = Cgroup(7, tmp_path / "cg", tmp_path / "proc").read()
    assert (now["cpu_ns"], now["throttled_ns"], now["throttled_periods"], now["memory_bytes"]) == (12000, 8000, 3, 99)


def test_a_dead_process_has_no_cgroup(tmp_path: Path) -> None:
    """The caller learns that the container is gone."""
    with pytest.raises(FileNotFoundError):
        Cgroup(7, tmp_path, tmp_path)
