"""What was recorded is read back also where nobody could write it any more."""

from __future__ import annotations

import pytest

from lab.errors import ScenarioError
from lab.scenario.load import loads

BASE = "version: 1\nname: old\nmedia: {duration: 10s}\nlinks: {publisher: {}}\n"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("inject: [{pause: {container: publisher, length: 6s}}]", "would outlast the media"),
        ("inject: [{cut_end: {client: subscriber, by: 1s}}, {cut_end: {client: subscriber, by: 5s}}]", "given twice"),
        ('expect: {lost_frames: [">= 0", "< 0"]}', "nothing meets that"),
    ],
)
def test_a_recording_of_an_older_lab_is_read(more: str, why: str) -> None:
    """A lab that refuses more today judges it as ever; what a user writes is refused."""
    with pytest.raises(ScenarioError, match=why):
        loads(BASE + more)
    assert loads(BASE + more, recorded=True).name == "old"
