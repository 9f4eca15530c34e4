"""Where the line is between two reasons of the server's: what explains half of a loss, and what a crowd is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.analysis.build import Plan, recording
from tests.unit.analysis.flows.test_door import DOWN, UP, track
from tests.unit.analysis.flows.test_door import packets as sent_by
from tests.unit.analysis.reasons.test_code import FIRST, HELD, network
from tests.unit.analysis.why import causes

LOST = Plan(server_lost=range(FIRST + 60, FIRST + 80), red=False)
OURS = 574
"""Packets of this scenario's clients that passed the server's door while the media was measured."""


@pytest.mark.parametrize(("unsent", "reason"), [(10, "packet-filter"), (9, "not-forwarded")])
def test_what_the_server_wrote_and_nobody_saw_explains_a_loss_when_it_is_half_of_it(unsent: int, reason: str) -> None:
    """20 packets are missing behind the server, which wrote so many of them."""
    run, sent = recording(LOST), sent_by(LOST)
    said = (track(UP, sent), track(DOWN, sent - 20 + unsent, dropped=None))
    cause = causes(replace(run, tracks=said))[0]
    assert cause.reason == reason
    assert (f"{unsent} packets written and never seen" in cause.note) == (reason == "packet-filter")


@pytest.mark.parametrize(("others", "reason"), [(182, "server-throttled"), (183, "server-crowded")])
def test_a_crowd_sends_three_times_as_much_as_this_scenarios_clients(others: int, reason: str) -> None:
    """So many packets of others a second: 1 718 and 1 724 in all, where three times ours are 1 722."""
    run = recording(Plan(server_delay_ms=HELD, concealed_frames=15, throttled=True))
    cause = causes(replace(run, networks={"server": network(others=others)}))[0]
    assert cause.reason == reason
    assert f"beside {OURS};" in cause.note or reason == "server-throttled"
