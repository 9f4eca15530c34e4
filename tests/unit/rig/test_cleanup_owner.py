"""Labels that say whose something is, and until when."""

from __future__ import annotations

import os

import pytest

from lab.rig import owner


def test_this_process_owns_what_it_labels() -> None:
    """`<uid>:<boot id>:<pid>:<start time>` of the running process is alive and mine."""
    token = owner.token()
    uid, boot, pid, start = token.split(":")
    assert (uid, pid) == (str(os.getuid()), str(os.getpid()))
    assert len(boot) == 36
    assert start.isdecimal()
    assert owner.is_alive(token)
    assert owner.is_mine(token)


@pytest.mark.parametrize("field", [0, 1, 3])
def test_the_same_pid_is_not_the_same_owner(field: int) -> None:
    """Another user, another boot or another start time is another process."""
    parts = owner.token().split(":")
    parts[field] = "7"
    assert not owner.is_alive(":".join(parts))


@pytest.mark.parametrize("label", ["", "a:b", "0:boot:x:1", "0:boot:4194305:1"])
def test_what_names_no_process_is_not_alive(label: str) -> None:
    """No label, half a label, no pid, a pid beyond the kernel's largest (2^22)."""
    assert not owner.is_alive(label)


def test_expiry_is_seconds_of_utc() -> None:
    """A moment has passed a second later, not in itself; what is no moment never passes."""
    label = owner.expires(60, now=1000.9)
    assert label == "1060"
    assert not owner.has_expired(label, now=1060)
    assert owner.has_expired(label, now=1061)
    assert not owner.has_expired("", now=1061)
