"""Pages that are written by programs, each its own part between two marks; the words around them are people's."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "accuracy.md"


def with_part(page: str, name: str, text: str) -> str:
    """Return `page` with the part `name` written anew. ValueError where the page has no such part."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    if begin not in page or end not in page.split(begin)[1]:
        raise ValueError(f"the page has no part between {begin} and {end}")
    before, rest = page.split(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}"


def write_part(name: str, text: str, page: Path = PAGE) -> None:
    """Write the part `name` of `page` anew, of docs/accuracy.md when none is given."""
    page.write_text(with_part(page.read_text(), name, text))


def commit() -> str:
    """Return the commit that is measured, `-dirty` where the files differ from it; results and pages do not count."""
    head = _git("describe", "--always")
    return f"{head}-dirty" if _git("status", "--porcelain", "--", ".", ":!results", ":!docs") else head


def _git(*argv: str) -> str:
    return subprocess.run(("git", *argv), cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
