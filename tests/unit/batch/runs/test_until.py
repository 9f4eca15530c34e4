"""What `--until-decided` refuses before anything is started, and with which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.batch.runs.until import admit, capped
from lab.errors import UsageError
from lab.scenario.load import load, loads
from lab.scenario.model import Scenario


def scenario(text: str) -> Scenario:
    """Return the scenario of `text`."""
    return loads("version: 1\nname: x\n" + text, source="x.yaml")


def test_the_cap_becomes_the_medias_length() -> None:
    """One more `--set`; without a cap nothing changes."""
    assert capped(["seed=1"], "300s", until_decided=True) == ("seed=1", "media.duration=300s")
    assert capped(["seed=1"], None, until_decided=True) == ("seed=1",)


@pytest.mark.parametrize(
    ("sets", "at_most", "until_decided", "words"),
    [
        ((), "60s", False, "add --until-decided"),
        (("media.duration=20s",), "60s", True, "give one of them"),
        ((" media.duration =20s",), "60s", True, "give one of them"),
        ((), "5s", True, "less than 10s is never enough"),
        ((), "10s", True, "leaves nothing to stop"),
        ((), "60", True, "did you mean"),
        ((), "soon", True, "--at-most"),
    ],
)
def test_options_that_contradict_each_other(
    sets: tuple[str, ...], at_most: str, until_decided: bool, words: str
) -> None:
    """Each with what to do."""
    with pytest.raises(UsageError, match=words):
        capped(sets, at_most, until_decided=until_decided)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing to decide"),
        ('expect: {lost_frames: "== 0"}', "nothing to decide"),
        ('expect: {audio_loss: "<= network + 0.5%", longest_gap: "<= 1s"}', "nothing to decide"),
        ("expect: {verdict: NETWORK/uplink}", "nothing to decide"),
        ('expect: {delay_drift: "<= 5ms"}', "nothing to decide"),
        ('media: {duration: 10s}\nexpect: {audio_loss: "<= 5%"}', "leaves nothing to stop"),
        (
            "timeline:\n  - {at: 2s, links: {publisher: {up: {loss: 5%}}}}\nlinks: {publisher: {}}\n"
            'expect: {audio_loss: "<= 5%"}',
            "timeline would be cut short",
        ),
        (
            'inject:\n  - stall: {client: publisher, length: 400ms, times: 3}\nexpect: {audio_loss: "<= 5%"}',
            "Stall comes at set moments",
        ),
    ],
)
def test_scenarios_that_cannot_stop_by_themselves(text: str, words: str) -> None:
    """Nothing to wait for, too short, or something that stopping would cut away."""
    with pytest.raises(UsageError, match=words):
        admit(scenario(text))


@pytest.mark.parametrize(
    "text",
    [
        'expect: {audio_loss: "<= 5%", lost_frames: "<= 9"}',
        'expect: {delay_p95: "<= 150ms"}',
        'inject:\n  - skip: {client: publisher, every: 40}\nexpect: {code_loss: "<= 5%"}',
    ],
)
def test_scenarios_that_can(text: str) -> None:
    """A rate or a quantile with a limit of its own, even over time."""
    admit(scenario(text))


def test_the_gallery_says_why_not() -> None:
    """The clean scenario expects facts alone."""
    with pytest.raises(UsageError, match="facts of any run"):
        admit(load(Path(__file__).parents[4] / "scenarios/clean.yaml"))
