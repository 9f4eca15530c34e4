"""A table of words for a terminal or for Markdown: rows in, text out. Nothing is decided here.

Law: what does not fit is wrapped between words, and when that is not enough every row is told line by line; nothing is
ever cut, and a number stays in one piece with its unit. What others wrote cannot move the cursor, break out of its
cell, or mean anything to a renderer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from lab.report.plain import clean

FIXED = "\N{NO-BREAK SPACE}"
"""A space at which no line is broken; a plain one when it is printed."""
_GAP = 2
_SPEAKS = re.compile(r"([\\|*\[\]<>&~$`!])")
"""What means something to a renderer of Markdown, inside a line."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A `title`, a head per column, rows of as many cells, and `notes` below; the heads in `right` stand right."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    right: frozenset[str] = frozenset()


def text(table: Table, width: int) -> str:
    """Return `table` for a terminal of `width` columns; a word that is longer than that stays whole all the same."""
    rows = (table.heads, *table.rows)
    lines = [*wrapped(clean(table.title), width), *(grid(rows, width, table.right) or records(rows, width))]
    lines += [line for note in table.notes for line in wrapped(clean(note), width)]
    return "\n".join(line.replace(FIXED, " ").rstrip() for line in lines) + "\n"


def grid(rows: Sequence[tuple[str, ...]], width: int, right: Collection[str] = ()) -> list[str]:
    """Return `rows` as columns in lines of `width`, nothing where none fits; what is below a head in `right` stands so.

    The first row may be heads or not.
    """
    rows = [tuple(map(clean, row)) for row in rows]
    widths = _widths(rows, width)
    return [] if widths is None else list(_grid(rows, widths, [head in right for head in rows[0]] if rows else []))


def records(rows: Sequence[tuple[str, ...]], width: int) -> list[str]:
    """Return every row but the first, which are heads, as lines of `head  cell`, with an empty line before it."""
    return list(_records([tuple(map(clean, row)) for row in rows], width))


def markdown(table: Table) -> str:
    """Return `table` in GitHub's Markdown."""
    heads, *rows = (tuple(map(inert, row)) for row in (table.heads, *table.rows))
    rule = ["---:" if head in table.right else "---" for head in table.heads]
    lines = [f"{inert(table.title)}", "", *(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))]
    lines += [line for note in table.notes for line in ("", inert(note))]
    return "\n".join(lines).replace(FIXED, " ") + "\n"


def inert(words: str) -> str:
    """Return `words` so that Markdown shows them as they are."""
    return _SPEAKS.sub(r"\\\1", clean(words))


def _widths(rows: Sequence[tuple[str, ...]], width: int) -> list[int] | None:
    """Return how wide each column may be so that a row fits, as few of them wrapped as can be; None when none fits."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    least = [max(cell_len(word) for cell in column for word in cell.split(" ")) for column in columns]
    over = sum(widths) + _GAP * (len(widths) - 1) - width
    for column in sorted(range(len(widths)), key=lambda i: least[i] - widths[i]):
        less = min(max(0, over), widths[column] - least[column])
        widths[column] -= less
        over -= less
    return widths if over <= 0 else None


def _grid(rows: Sequence[tuple[str, ...]], widths: Sequence[int], right: Sequence[bool]) -> Iterator[str]:
    for row in rows:
        cells = [wrapped(cell, size) for cell, size in zip(row, widths, strict=True)]
        for number in range(max(map(len, cells))):
            parts = (cell[number] if number < len(cell) else "" for cell in cells)
            placed = (_placed(part, size, right=end) for part, size, end in zip(parts, widths, right, strict=True))
            yield (" " * _GAP).join(placed)


def _records(rows: Sequence[tuple[str, ...]], width: int) -> Iterator[str]:
    heads, *others = rows
    wide = max(map(cell_len, heads))
    for row in others:
        yield ""
        for head, cell in zip(heads, row, strict=True):
            first, *more = wrapped(cell, max(1, width - wide - _GAP))
            yield _placed(head, wide + _GAP, right=False) + first
            yield from (" " * (wide + _GAP) + line for line in more)
    yield ""


def wrapped(words: str, width: int) -> list[str]:
    """Return `words` in lines of `width` at most, where no word is longer."""
    lines = [""]
    for word in words.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and cell_len(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _placed(part: str, width: int, right: bool) -> str:
    space = " " * (width - cell_len(part))
    return space + part if right else part + space
