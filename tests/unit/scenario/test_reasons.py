"""The table of reasons is closed, and is the one that the documentation prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.scenario.expectations import OWNERS
from lab.scenario.reasons import REASONS, reason, table

VERDICTS = Path(__file__).parents[3] / "docs" / "verdicts.md"


def test_the_documentation_prints_the_table() -> None:
    """docs/verdicts.md holds the table as it is; put it there again when this fails."""
    assert table() in VERDICTS.read_text()


def test_every_reason_has_owners_and_a_code_of_its_own() -> None:
    """Owners are those of a verdict, codes stand once."""
    assert {owner for each in REASONS for owner in each.owners} <= set(OWNERS)
    assert len({each.code for each in REASONS}) == len(REASONS)


def test_an_unknown_reason_is_told_the_nearest() -> None:
    """ValueError, with the word that was meant."""
    with pytest.raises(ValueError, match="random-loss"):
        reason("random-los")
