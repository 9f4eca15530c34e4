"""How long a lab lives: longer than whoever waits inside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.faults import Stall
from lab.rig.layout import lifetime
from lab.scenario.model import Impairment
from tests.unit.rig.layout.test_topology import link, scenario

PLAIN = scenario({"a": "publisher", "b": "subscriber"}, (link("a"),))
BLOATED = (replace(link("a"), up=Impairment(rate_bps=64_000, queue_bytes=4_000_000)),)
"""Its queue takes 500 s to send when it is full."""


@pytest.mark.parametrize("duration_ms", [1_000, 600_000, 3_600_000])
@pytest.mark.parametrize("times", [0, 1_000])
def test_a_lab_outlives_every_wait_inside_it(duration_ms: int, times: int) -> None:
    """Joining, both windows, the patience for the last frame, the drain: a kill never comes before them."""
    asked = replace(
        PLAIN,
        media=replace(PLAIN.media, duration_ms=duration_ms),
        inject=(Stall(client="a", length_ms=400, times=times),),
    )
    before_s = lifetime.JOIN_S + (asked.media.settle_ms + asked.media.control_ms) / 1000
    assert lifetime.pushed_within_s(asked) > (duration_ms + 400 * times) / 1000
    waits_s = before_s + lifetime.pushed_within_s(asked) + lifetime.DRAIN_S + lifetime.BEHIND_S
    assert lifetime.lab_s(asked) >= waits_s + lifetime.AROUND_S
    assert lifetime.lab_s(replace(asked, links=BLOATED)) >= waits_s + 500 + lifetime.AROUND_S
    assert lifetime.lab_s(asked, keep=True) - lifetime.lab_s(asked) == lifetime.KEPT_S
