"""A comparison as words: for a terminal and for Markdown. Values, rows, text; nothing is decided here.

Law: what the sides are and differ in comes first, then the verdicts that changed, then every difference with its
interval, "not significant" written out, then what could not be compared, then the sum of it. Sides are called A, B, C…
"""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from string import ascii_uppercase

from lab.analysis.several.compared import Change, Compared, Comparison, Differing, Finding, Scope
from lab.analysis.values import Outcome, Owner
from lab.report import table
from lab.report.amounts import many
from lab.report.plain import clean
from lab.report.table import FIXED, Table, inert
from lab.scenario.sweeping import Setting, shortest, spelled

_ARROW = "\N{RIGHTWARDS ARROW}"
_DIGEST = 19
_SAME = "everything but the seed is the same on both sides: what differs is chance"
_SAME_THERE = "in the pairs that there are, everything but the seed is the same: what differs in them is chance"
_HOW = (
    "differences are means over pairs of equal setting and repetition; p counts all comparisons together (Holm), and "
    "below 5 % is significant"
)
_ONE = (
    "one repetition: interval and p know the chance within its runs and nothing of how others would differ; repeat to "
    "know (lab sweep --repeat 5)"
)
_UNTOLD_OF_ALL = "one repetition: nothing tells"
"""Of a row over all settings, where one repetition is many pairs."""
_WITHIN_PAIR, _WITHIN_REPETITION = "within these two runs", "within this one repetition"
_SURE = (Finding.WORSE, Finding.BETTER)
_COUNTED = {
    **{finding: finding.value for finding in Finding},
    Finding.UNTOLD: "of one repetition, which tells nothing",
}
_Part = str | Table


def text(comparisons: Sequence[Comparison], width: int) -> str:
    """Return every comparison for a terminal of `width` columns."""
    return "\n".join("\n".join(_plain(part, width) for part in _parts(*named)) for named in _named(comparisons))


def markdown(comparisons: Sequence[Comparison]) -> str:
    """Return every comparison in GitHub's Markdown."""
    parts = [part for named in _named(comparisons) for part in _parts(*named)]
    words = (inert(part) if isinstance(part, str) else table.markdown(part).strip("\n") for part in parts if part)
    return "\n\n".join(words) + "\n"


def _named(comparisons: Sequence[Comparison]) -> list[tuple[Comparison, str, str]]:
    """Return each comparison with the letters of its sides."""
    return [(one, "A", _letter(number)) for number, one in enumerate(comparisons, 1)]


def _letter(number: int) -> str:
    """Return B for 1, Z for 25, AB for 27."""
    more, last = divmod(number, len(ascii_uppercase))
    return (ascii_uppercase[more - 1] if more else "") + ascii_uppercase[last]


def _plain(part: _Part, width: int) -> str:
    if isinstance(part, Table):
        return table.text(part, width).strip("\n")
    lines = textwrap.wrap(clean(part), width, break_long_words=False, break_on_hyphens=False, subsequent_indent="  ")
    return "\n".join(lines).replace(FIXED, " ")


def _parts(found: Comparison, first: str, second: str) -> Iterator[_Part]:
    yield f"{first}: {found.first}"
    yield f"{second}: {found.second}"
    if found.compared:
        yield f"compared: {_things(found.compared)}"
    if found.allowed:
        yield f"allowed to differ{' as well' * bool(found.compared)}: {_things(found.allowed)}"
    if found.pairs and not (found.compared or found.allowed):
        yield _SAME_THERE if found.uncompared else _SAME
    yield ""
    yield _verdicts(found)
    short = _short(found)
    if found.changes:
        yield ""
        yield Table(
            title="",
            heads=("verdict", "where", first, second),
            rows=tuple(_change(change, short) for change in found.changes),
        )
    if found.rows:
        yield ""
        yield _differences(found, first, second, short)
        yield ""
        yield _HOW
        yield from [_ONE] if any(row.difference.n == 1 for row in found.rows) else []
    yield from (f"not compared: {one.what} of {one.side}: {one.why}" for one in found.alone)
    yield _sum(found, second)
    yield ""


def _things(found: Sequence[Differing]) -> str:
    by_thing = groupby(sorted(found, key=lambda one: one.thing), lambda one: one.thing)
    return "; ".join(f"{thing}: {', '.join(map(_differing, each))}" for thing, each in by_thing)


def _differing(one: Differing) -> str:
    name = f"{one.detail} " if one.detail else ""
    return f"{name}{_value(one.first)} {_ARROW} {_value(one.second)}"


def _value(written: str) -> str:
    return (written[:_DIGEST] if written.startswith("sha256:") else written) or "none"


def _verdicts(found: Comparison) -> str:
    turns = Counter(change.finding for change in found.changes)
    pairs = many(found.pairs, "pair")
    if not turns:
        return f"verdicts: the same in {pairs}" if found.pairs else "verdicts: nothing to compare"
    words = ", ".join(f"{turns[finding]} {finding}" for finding in Finding if turns[finding])
    return f"verdicts: {words} of {pairs}"


def _change(change: Change, short: dict[str, str]) -> tuple[str, ...]:
    where = f"{_setting(change.place.setting, short)} #{change.place.repetition}".strip()
    control = "clean control " * change.place.control
    return change.finding.value, control + where, _verdict(*change.first), _verdict(*change.second)


def _verdict(outcome: Outcome, owner: Owner) -> str:
    return outcome.value if owner == Owner.NONE else f"{outcome} {owner}"


def _short(found: Comparison) -> dict[str, str]:
    """Return the shortest name of every key of a setting."""
    rows = [row.setting for row in found.rows] + [change.place.setting for change in found.changes]
    keys = list(dict.fromkeys(key for setting in rows for key, _ in setting))
    return dict(zip(keys, shortest(keys), strict=True))


def _setting(setting: Setting, short: dict[str, str]) -> str:
    return spelled(tuple((short[key], value) for key, value in setting))


def _differences(found: Comparison, first: str, second: str, short: dict[str, str]) -> Table:
    settled = len({(row.scope, row.setting) for row in found.rows}) > 1
    flows = len({row.flow for row in found.rows}) > 1
    minus = f"{second} minus {first}"
    heads = ("metric", "pairs", first, second, minus, "95 % interval", "finding")
    return Table(
        title="",
        heads=(*["setting"] * settled, *["flow"] * flows, *heads),
        rows=tuple((*[_place(row, short)] * settled, *[row.flow] * flows, *_figures(row)) for row in found.rows),
        right=frozenset(("pairs", first, second, minus)),
    )


def _place(row: Compared, short: dict[str, str]) -> str:
    return row.scope.value if row.scope != Scope.SETTING else _setting(row.setting, short) or "all"


def _figures(row: Compared) -> tuple[str, ...]:
    gap = row.difference
    return (
        row.metric,
        str(gap.n),
        _number(row.first.value, row.unit),
        _number(row.second.value, row.unit),
        _number(gap.value, row.unit, sign=True),
        _interval(gap.low, gap.high, row.unit),
        _finding(row),
    )


def _number(value: float | None, unit: str, *, sign: bool = False) -> str:
    """Return a value, or a difference with its sign, in its unit."""
    if value is None:
        return "unknown"
    word = {"share": "points" if sign else "%", "ms": "ms"}.get(unit, "")
    return FIXED.join(filter(None, (_bare(value, unit, sign=sign), word)))


def _bare(value: float, unit: str, *, sign: bool) -> str:
    if not math.isfinite(value):
        return "?"
    scaled, digits = (100 * value, 2) if unit == "share" else (value, 1)
    rounded = round(scaled, digits) + 0.0  # no minus before a zero
    return f"{rounded:{'+' if sign and rounded else ''}.{digits}f}"


def _interval(low: float | None, high: float | None, unit: str) -> str:
    if low is None or high is None:
        return "none"
    return f"{_bare(low, unit, sign=True)}{FIXED}to{FIXED}{_bare(high, unit, sign=True)}"


def _finding(row: Compared) -> str:
    if row.corrected is None:
        return _UNTOLD_OF_ALL if (row.scope, row.finding) == (Scope.ALL, Finding.UNTOLD) else row.finding.value
    p = f"<{FIXED}0.0001" if row.corrected < 0.0001 else f"{row.corrected:.2g}"
    within = f" {_within([row])}" if row.difference.n == 1 and row.finding in _SURE else ""
    return f"{row.finding.value}{within} (p{FIXED}{p})"


def _within(rows: Sequence[Compared]) -> str:
    """Say what `rows`, each of one pair or of one repetition of several settings, know the chance within."""
    of = {(row.scope, row.setting) for row in rows}
    return _WITHIN_REPETITION if len(of) > 1 or Scope.ALL in (scope for scope, _ in of) else _WITHIN_PAIR


def _sum(found: Comparison, second: str) -> str:
    """Return the last line: whether the second side is worse, what is known beside that, and of what nothing is."""
    if not found.pairs:
        return "nothing could be compared"
    rows = [row for row in found.rows if row.finding == Finding.WORSE]
    within = f" {_within(rows)}" if max((row.difference.n for row in rows), default=found.pairs) == 1 else ""
    worse = f"{second} is worse{within}: {'; '.join(found.regressions)}"
    told = worse if found.regressions else f"{second} is not shown to be worse"
    counts = Counter(row.finding for row in found.rows)
    words = ", ".join(f"{counts[finding]} {_COUNTED[finding]}" for finding in Finding if counts[finding])
    missing = [*(spelled(setting) or "the only setting" for setting in found.uncompared), *found.unheard]
    unknown = f"; nothing is known of {', '.join(missing)}" if missing else ""
    undecided = f"; undecided: {'; '.join(found.undecided)}" if found.undecided else ""
    return f"{told} (differences: {words or 'none'}){unknown}{undecided}"
