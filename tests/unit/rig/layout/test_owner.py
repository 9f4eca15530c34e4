"""Labels that say whose something is, and until when."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.rig.layout import owner

DEAD_PID = "4194305"
"""Beyond the kernel's largest, 2^22."""


def with_field(number: int, value: str) -> str:
    """Return this process' token with one field replaced."""
    parts = owner.token().split(":")
    parts[number] = value
    return ":".join(parts)


def test_this_process_owns_what_it_labels() -> None:
    """`<uid>:<boot id>:<pid namespace>:<pid>:<start time>` of the running process is not dead, and mine."""
    token = owner.token()
    uid, boot, namespace, pid, start = token.split(":")
    assert (uid, pid) == (str(os.getuid()), str(os.getpid()))
    assert len(boot) == 36
    assert namespace == str(Path("/proc/self/ns/pid").stat().st_ino)
    assert start.isdecimal()
    assert not owner.is_dead(token)
    assert owner.is_mine(token)


@pytest.mark.parametrize(("field", "value"), [(3, DEAD_PID), (4, "7")])
def test_a_pid_that_ended_or_came_round_is_dead(field: int, value: str) -> None:
    """No such process, or one that started at another time."""
    assert owner.is_dead(with_field(field, value))


@pytest.mark.parametrize("field", [1, 2])
def test_nothing_is_known_of_another_boot_or_namespace(field: int) -> None:
    """Two CI containers that share an engine see each other's pids as nobody's: that is no proof of death."""
    parts = with_field(3, DEAD_PID).split(":")
    parts[field] = "7"
    assert not owner.is_dead(":".join(parts))


@pytest.mark.parametrize("label", ["", "a:b", "0:boot:x:1", "0:boot:1:4194305:1"])
def test_what_names_no_process_here_is_not_dead(label: str) -> None:
    """No label, half a label, a label of an older format: its expiry decides."""
    assert not owner.is_dead(label)


def test_what_is_kept_is_mine_and_never_dead() -> None:
    """It outlives its process on purpose."""
    assert owner.is_mine(owner.kept())
    assert not owner.is_dead(owner.kept())


def test_expiry_is_seconds_of_utc() -> None:
    """A moment has passed a second later, not in itself; what is no moment never passes."""
    label = owner.expires(60, now=1000.9)
    assert label == "1060"
    assert not owner.has_expired(label, now=1060)
    assert owner.has_expired(label, now=1061)
    assert not owner.has_expired("", now=1061)
