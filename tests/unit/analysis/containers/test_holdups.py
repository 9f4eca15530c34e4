"""When a client was held up: by its quota, standing still, or for want of a CPU; each time once, where it was asked."""

from __future__ import annotations

import numpy as np
import pytest

from lab.analysis.containers.holdups import Client, held_ns, holdups
from lab.analysis.containers.hosts import Host
from lab.analysis.wire.streams import Ints
from tests.unit.analysis.containers.test_hosts import LOOK_NS, MS, cgroup

END_NS = 8 * LOOK_NS
GAP = (2 * LOOK_NS, 4 * LOOK_NS)


def sent(*, gap: tuple[int, int] | None = GAP) -> Ints:
    """Return when packets left, each 20 ms but in `gap`."""
    at = np.arange(0, END_NS + 1, 20 * MS)
    return at if gap is None else at[(at <= gap[0]) | (at >= gap[1])]


def looked_at(*used_ms: float, throttled_ms: float = 0.0) -> Host:
    """Return the client's container, the CPU it used and what was withheld from it in each look."""
    return Host(name="client-a", cgroup=cgroup(*used_ms, throttled_ms=throttled_ms))


def found(host: Host | None, *, steady: bool = True, from_ns: int = 0, gap: tuple[int, int] | None = GAP) -> list[str]:
    """Return what held the client up."""
    seen = Client(sent_ns=sent(gap=gap), lags=(), host=host)
    return [one.by for one in holdups(seen, from_ns, END_NS, steady=steady)]


def test_a_client_that_sends_all_the_time_is_not_held_up() -> None:
    """Whoever looked."""
    assert found(looked_at(*[20] * 8), gap=None) == []
    assert found(None, gap=None) == []


def test_what_a_quota_took_is_not_taken_by_a_pause_as_well() -> None:
    """Withheld all the time, and silent for half a second of it: eight looks, nothing twice."""
    seen = Client(sent_ns=sent(), lags=(), host=looked_at(*[20] * 8, throttled_ms=150))
    held = holdups(seen, 0, END_NS, steady=True)
    assert [one.by for one in held] == ["throttled"] * 8
    assert held_ns(held, 0, END_NS) == 0.6 * END_NS


def test_silence_is_a_pause_where_no_cpu_was_used() -> None:
    """And nobody's in particular where nobody looked, or the container went on."""
    assert found(looked_at(20, 20, 0, 0, 20, 20, 20, 20)) == ["paused"]
    assert found(looked_at(*[20] * 8)) == ["unknown"]
    assert found(None) == ["unknown"]


@pytest.mark.parametrize("host", [None, looked_at(*[20] * 8)])
def test_silence_of_one_who_need_not_send_tells_nothing(host: Host | None) -> None:
    """Discontinuous transmission leaves packets out; only standing still is told then."""
    assert found(host, steady=False) == []
    assert found(looked_at(20, 20, 0, 0, 20, 20, 20, 20), steady=False) == ["paused"]


def test_what_lies_before_the_time_asked_for_is_left_out() -> None:
    """Silence and quota alike."""
    assert found(None, from_ns=GAP[1]) == []
    assert found(looked_at(*[20] * 8, throttled_ms=150), from_ns=6 * LOOK_NS) == ["throttled"] * 2
