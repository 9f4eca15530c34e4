"""Laying a value into what was written short: it means what it would mean in the same thing written out."""

from __future__ import annotations

import pytest

from lab.errors import ScenarioError
from lab.scenario.load import draft, load
from lab.scenario.model import Impairment, Loss

SHORT = """\
version: 1
media: {audio: speech.wav}
links: {publisher: {profile: wifi-walls, up: {loss: 1.5%, block: udp}, down: null}}
timeline: [{at: 1s, links: {publisher: {up: {loss: 3%}}}}, {at: 2s, links: {publisher: null}}]
expect: {audio_loss: "<= 5%"}
"""


@pytest.fixture
def file(tmp_path):
    """Return a scenario in which everything is short that can be."""
    path = tmp_path / "short.yaml"
    path.write_text(SHORT)
    return path


def up(scenario):
    """Return what the publisher's uplink does."""
    return scenario.link_of("publisher").up


@pytest.mark.parametrize(
    ("each", "check"),
    [
        ("links.publisher.up.loss.burst=2", lambda s: up(s).loss == Loss(share=0.015, burst=2)),
        ("links.publisher.up.loss.share=5%", lambda s: up(s).loss == Loss(share=0.05)),
        ("links.publisher.up.block.0=tcp", lambda s: up(s).block == ("tcp",)),
        ("links.publisher.down.loss=5%", lambda s: s.links[0].down == Impairment(loss=Loss(share=0.05))),
        (
            "timeline.0.links.publisher.up.loss.burst=4",
            lambda s: s.timeline[0].impairment.loss == Loss(share=0.03, burst=4),
        ),
        ("timeline.1.links.publisher.up.outage=true", lambda s: s.timeline[1].impairment == Impairment(outage=True)),
        ("media.audio.file=marks", lambda s: s.media.audio is None),
        ("expect.audio_loss.0=<= 3%", lambda s: [each.limit for each in s.expect] == [0.03]),
    ],
)
def test_a_value_is_laid_into_a_short_spelling(file, each, check):
    """With `--set`, and as a value of an axis."""
    key, _, value = each.partition("=")
    assert check(load(file, sets=[each]))
    assert check(draft(file).scenario([(key, value)]))


def test_what_was_never_written_is_not_made_up(file):
    """A burst alone is no loss: how much is lost must be said."""
    with pytest.raises(ScenarioError, match=r"--set links.publisher.down.loss.burst: .*loss.share: is required"):
        load(file, sets=["links.publisher.down={}", "links.publisher.down.loss.burst=2"])
