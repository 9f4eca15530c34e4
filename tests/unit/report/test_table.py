"""Tables of words: they fit, nothing is cut, and nothing in a cell does anything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from lab.report.plain import clean
from lab.report.table import FIXED, Table, inert, markdown, text

ROWS = (
    ("5%", "true", f"3.1{FIXED}% (2.0–4.4)", "CODE/client NETWORK/uplink"),
    ("10%", "false", f"12.5{FIXED}% (9.0–15.4)", "NETWORK/uplink"),
)
WIDE = Table(
    title="congested   2 cells",
    heads=("loss", "red", "audio_loss", "owner"),
    rows=ROWS,
    notes=("the mean of two runs",),
)
CELLS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs", "Cc", "Cf", "Mn")), max_size=30)


def test_a_table_that_fits_is_a_grid() -> None:
    """Columns stand in line, two spaces apart; fixed spaces are printed as spaces."""
    assert text(WIDE, 80).splitlines() == [
        "congested   2 cells",
        "loss  red    audio_loss         owner",
        "5%    true   3.1 % (2.0–4.4)    CODE/client NETWORK/uplink",
        "10%   false  12.5 % (9.0–15.4)  NETWORK/uplink",
        "the mean of two runs",
    ]


def test_numbers_stand_right() -> None:
    """Heads in `right`, and what stands below them."""
    table = Table(title="", heads=("what", "count"), rows=(("a", "7"), ("b", "12")), right=frozenset(("count",)))
    assert text(table, 80).splitlines()[1:] == ["what  count", "a         7", "b        12"]


def test_a_narrow_terminal_wraps_as_few_columns_as_it_can() -> None:
    """The owner gives way between its words; the estimate needs no second line."""
    assert text(WIDE, 52).splitlines()[1:4] == [
        "loss  red    audio_loss         owner",
        "5%    true   3.1 % (2.0–4.4)    CODE/client",
        "                                NETWORK/uplink",
    ]


def test_a_very_narrow_terminal_gets_every_row_line_by_line() -> None:
    """Head and cell, row after row; a number never leaves its unit."""
    lines = text(WIDE, 24).splitlines()
    assert lines[2:7] == [
        "loss        5%",
        "red         true",
        "audio_loss  3.1 %",
        "            (2.0–4.4)",
        "owner       CODE/client",
    ]


def test_no_line_is_wider_than_the_terminal() -> None:
    """Sentences in cells, title and notes, at every width that their longest word leaves possible."""
    words = "what does not fit is wrapped between words and told line by line"
    table = Table(title=words, heads=("a", "b"), rows=((words, words), ("x", words)), notes=(words,))
    for width in range(10, 150):
        assert max(map(cell_len, text(table, width).splitlines())) <= width


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3).map(tuple), max_size=4), st.integers(1, 90))
@settings(max_examples=150, deadline=None)
def test_nothing_is_ever_cut_and_what_can_fit_does(rows: list[tuple[str, ...]], width: int) -> None:
    """Every word of every cell is printed in one piece, and no line is wider than the terminal or its one word."""
    table = Table(title="t", heads=("alpha", "beta", "gamma"), rows=tuple(rows))
    printed = text(table, width)
    words = [clean(word) for row in rows for cell in row for word in cell.split(" ")]
    assert [word for word in words if word.replace(FIXED, " ").strip() not in printed] == []
    longest = max(map(cell_len, words), default=0)
    assert max(map(cell_len, printed.splitlines())) <= max(width, longest + len("gamma") + 2)


@pytest.mark.parametrize("harm", ["\x1b[2J", "\r", "\x07", "\u202e", "\u200b", "\x9b1m", "a\nb"])
def test_nothing_in_a_cell_moves_the_cursor(harm: str) -> None:
    """Escapes, carriage returns, line breaks, direction marks: gone, in both formats."""
    table = Table(title=harm, heads=(harm,), rows=((f"x{harm}y",),), notes=(harm,))
    for printed in (text(table, 80), markdown(table)):
        assert not {char for char in harm if not char.isprintable()} & set(printed.replace("\n", ""))
        assert printed.isascii()


def test_markdown_is_a_table_with_its_numbers_right() -> None:
    """GitHub's dialect."""
    table = Table(title="t", heads=("what", "count"), rows=(("a b", "7"),), notes=("n",), right=frozenset(("count",)))
    assert markdown(table) == "t\n\n| what | count |\n| --- | ---: |\n| a b | 7 |\n\nn\n"


def test_a_cell_cannot_leave_its_cell_or_become_markup() -> None:
    """Pipes, links, images, HTML, code, escapes: shown as they were written."""
    assert inert("a|b") == r"a\|b"
    assert inert("a\\|b") == r"a\\\|b"
    assert inert("![x](http://t.example/p.png)") == r"\!\[x\](http://t.example/p.png)"
    assert inert("<img src=x>") == r"\<img src=x\>"
    assert inert("`rm` *b* ~s~ &lt; $x$") == r"\`rm\` \*b\* \~s\~ \&lt; \$x\$"
    assert inert("audio_loss 5 % (2.0–4.4)") == "audio_loss 5 % (2.0–4.4)"
