"""The pages: a link leads somewhere, and whoever begins at the README finds every page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "results" / "README.md"])
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
_WRITTEN = {ROOT / "results" / "bench.json"}
"""Linked files that a measurement writes."""


def linked(page: Path) -> set[Path]:
    """Return the files of this repository that `page` links to."""
    return {(page.parent / target).resolve() for target in _LINK.findall(page.read_text())}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    """Within the repository, from the page's own folder."""
    assert [target for target in linked(page) - _WRITTEN if not target.exists()] == []


def test_the_readme_links_every_page() -> None:
    """A page that nobody is led to is not read."""
    pages = {page for page in PAGES if page.parent == ROOT / "docs"}
    assert pages - linked(ROOT / "README.md") == set()
