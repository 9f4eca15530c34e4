"""The table of reasons is closed, and is the one that the documentation prints."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from lab.scenario.expectations import OWNERS
from lab.scenario.reasons import REASONS, reason, table

ROOT = Path(__file__).parents[3]
VERDICTS = ROOT / "docs" / "verdicts.md"
KINDS = {"start-up"}
"""Words of the judge that look like a reason, and are none."""


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


def words() -> set[str]:
    """Return every word that the judge's modules write out."""
    trees = [ast.parse(file.read_text()) for file in (ROOT / "lab" / "analysis").rglob("*.py")]
    return {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_the_judge_gives_each_reason_and_no_other() -> None:
    """What the table promises somebody can say; what somebody says stands in the table."""
    codes, said = {each.code for each in REASONS}, words()
    assert codes - said == set()
    assert {word for word in said if re.fullmatch(r"[a-z]+(-[a-z]+)+", word)} - codes == KINDS
