"""The end of a run's impairments: the last counters are read when nothing comes any more, and nothing is held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.evidence import names
from lab.evidence.steps import DirectionState, Qdisc, StepState
from lab.rig.bump import network
from lab.rig.bump.network import Network
from tests.unit.rig.labs import run_folder
from tests.unit.rig.layout.test_topology import link, scenario

PLAIN = scenario({"a": "publisher", "b": "subscriber"}, (link("a"),))


class Counting:
    """A bump whose readings are `sent` and `held` packets, the last of them for ever."""

    def __init__(self, *readings: tuple[int, int]) -> None:
        self.left = [*readings]
        self.read_so_far = 0

    def read(self, name: str) -> StepState:
        """Return the next reading."""
        self.read_so_far += 1
        sent, held = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        qdisc = Qdisc(
            kind="netem",
            handle="2:",
            parent="root",
            options_json="{}",
            sent_packets=sent,
            sent_bytes=0,
            dropped=0,
            overlimits=0,
            backlog_packets=held,
        )
        way = DirectionState(client="a", direction="up", argv=(), qdiscs=(qdisc,))
        at = self.read_so_far
        return StepState(name=name, due_ns=None, from_ns=at, to_ns=at, directions=(way,))


def ended(tmp_path: Path, bump: Any) -> str:
    """Return the last step that is noted."""
    folder = run_folder(tmp_path, PLAIN)
    Network(bump, PLAIN, folder).__exit__()
    return (folder.path / names.STEPS).read_text().splitlines()[-1]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no moment be long."""
    monkeypatch.setattr(network, "QUIET_S", 0.001)


def test_a_silent_link_is_looked_at_twice(tmp_path: Path) -> None:
    """Nothing came between two looks: these are the last counters."""
    bump = Counting((7, 0))
    assert '"sent_packets":7' in ended(tmp_path, bump).replace(" ", "")
    assert bump.read_so_far == 2


def test_what_is_still_sent_is_waited_for(tmp_path: Path) -> None:
    """A server forwards until it has noticed who left: those packets are on the taps, and so in the counters."""
    bump = Counting((7, 0), (8, 0), (9, 0), (9, 0))
    assert '"sent_packets":9' in ended(tmp_path, bump).replace(" ", "")
    assert bump.read_so_far == 4


def test_what_is_held_is_waited_for(tmp_path: Path) -> None:
    """A queue may stand still between two looks and yet not be empty."""
    bump = Counting((7, 2), (7, 2), (9, 0), (9, 0))
    assert '"sent_packets":9' in ended(tmp_path, bump).replace(" ", "")


def test_a_link_that_never_falls_silent_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was counted by then is noted."""
    monkeypatch.setattr(network, "EMPTY_S", 0.02)
    assert '"backlog_packets":3' in ended(tmp_path, Counting((7, 3))).replace(" ", "")


def test_what_the_links_held_has_left_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are looked at twice a second, and only when a drain has lasted long: once for each way, whatever follows."""
    now_s = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    bump: Any = Counting((7, 3), (9, 3), (10, 3), (13, 3), (14, 3))
    emptied = Network(bump, PLAIN, run_folder(tmp_path, PLAIN)).emptying()
    seen: list[tuple[float, int]] = []
    while not emptied():
        seen.append((now_s[0], bump.read_so_far))
        now_s[0] += 0.125
    assert max(at for at, read in seen if not read) == network.LONG_S - 0.125
    assert now_s[0] == network.LONG_S + 3 * network.LOOK_S + network.DRAIN_S
    assert (bump.read_so_far, emptied()) == (4, True)
