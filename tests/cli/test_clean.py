"""`lab clean` is told whose labs it may remove, or removes none."""

from __future__ import annotations

import sys
from io import StringIO

import pytest

from tests.cli.test_exit_codes import lab


@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--all", "--yes")])
@pytest.mark.parametrize("run", ["", " "])
def test_2_for_an_empty_id_of_a_lab(run: str, more: tuple[str, ...]) -> None:
    """`lab clean --run "$UNSET"` removes nobody's lab: it is refused before the engine is asked, with the way out."""
    done = lab("clean", "--run", run, *more)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--run: an empty id is no lab's (is a variable not set? without --run" in done.stderr


def test_2_for_one_lab_and_all_of_them() -> None:
    """`lab clean --run ID --all` does not ask about all, to remove one."""
    done = lab("clean", "--run", "abc123", "--all", "--dry-run")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--run abc123 --all: one lab, or all of them? (--run alone takes it alive or not)" in done.stderr


def test_2_for_a_question_that_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """`lab clean --all` in a script: nothing was removed, and no expectation failed."""
    monkeypatch.setattr(sys, "stdin", StringIO())
    done = lab("clean", "--all")
    assert (done.returncode, "nobody answered the question; nothing was done (--yes" in done.stderr) == (2, True)
