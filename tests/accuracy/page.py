"""docs/accuracy.md: how often the verdict is wrong, in tables. Values to rows to text; nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.accuracy.journal import Line
from tests.accuracy.score import Score, Table, confusion, said, wrong_blame

_WIDEST = 9
"""Columns of a table that a page still holds; wider ones are listed row by row."""
_FIGURES = (
    ("right owner", "right_owner"),
    ("right hop", "right_hop"),
    ("right reason", "right_reason"),
    ("UNKNOWN", "unknown"),
    ("somebody blamed who is not the one", "wrong_blame"),
    ("right owner by the naive rule", "naive_right_owner"),
    ("wrong blame by the naive rule", "naive_wrong_blame"),
)


@dataclass(frozen=True, kw_only=True)
class Made:
    """Of which code, when, and from which seed the figures are.

    `judged_by` is who judged everything again, None when every answer is its recorder's, `written_by` who counted them.
    `programs` are what the recordings themselves name. `first` is what was answered before anything was judged again,
    `unread` the figures of the cells of which nobody had read an answer when the judge was last changed.
    """

    written_by: str
    judged_by: str | None
    recorded_by: tuple[str, ...]
    programs: tuple[str, ...]
    date: str
    seed: int
    first: Score
    unread: Score


def render(score: Score, made: Made) -> str:
    """Return the whole part as Markdown."""
    return "\n".join(_lines(score, made))


def _lines(score: Score, made: Made) -> Iterator[str]:
    figures = score.summary
    yield _origin(made)
    yield ""
    yield (
        f"{figures['runs']} runs, {figures['void']} void; of the {figures['judged']} others {figures['clean']} were "
        f"clean controls and {figures['pairs']} had a fault of the network and one of the code at once. In "
        f"{figures['truth_unsure']} the injector's own log leaves open whether the damage reached one point; there "
        f"both answers count as right. {figures['unexplained_frames']:g} of {figures['frames']} frames were "
        f"unexplained."
    )
    yield ""
    yield from _figures(score)
    yield ""
    yield (
        f"Harness faults: {figures['harness_runs']} runs, {figures['harness_void']} void, "
        f"{figures['harness_unknown']} unknown, {figures['harness_true']} answered truly all the same, "
        f"**{figures['harness_blamed_code']} blamed on code**, {figures['harness_blamed_network']} on the network."
    )
    yield from _compared(score, made)
    for title, table in _tables(score):
        yield ""
        yield f"### {title}"
        yield ""
        yield from _matrix(table) if len({seen for _, seen in table}) <= _WIDEST else _listed(table)
    yield ""
    yield "### Wrong or unknown, each"
    yield ""
    yield from _mistakes(score.judged)


def _origin(made: Made) -> str:
    """Say who recorded and who judged."""
    recorded = f"by commit {', then '.join(made.recorded_by)}" if made.recorded_by else "by a commit that nobody noted"
    programs = f" (clients' programs {', '.join(made.programs)}, as the manifests say)" if made.programs else ""
    judged = f"and all judged again by {made.judged_by}" if made.judged_by else "and judged by the same"
    return f"Recorded {recorded}{programs}, {judged}. Counted by {made.written_by}, {made.date}. Seed {made.seed}."


def _figures(score: Score) -> Iterator[str]:
    figures = score.summary
    yield "| | runs | of | share | 95 % interval (exact) |"
    yield "| --- | --- | --- | --- | --- |"
    for name, key in _FIGURES:
        low, high = score.interval(key)
        share = figures[key] / max(1, figures["judged"])
        yield f"| {name} | {figures[key]} | {figures['judged']} | {share:.1%} | {low:.1%} to {high:.1%} |"


def _compared(score: Score, made: Made) -> Iterator[str]:
    """Yield what the judge of the time answered, and how today's does where nobody had looked, unless that is all."""
    if made.unread.summary["judged"] != score.summary["judged"]:
        yield ""
        yield "### Where nobody had looked before the judge was last changed"
        yield ""
        yield from _figures(made.unread)
    if made.first != score:
        yield ""
        yield "### As first answered, while it was recorded"
        yield ""
        void = made.first.summary["void"]
        yield f"The same recordings, {void} of them void, by the judges of the time:"
        yield ""
        yield from _figures(made.first)


def _tables(score: Score) -> Iterator[tuple[str, Table]]:
    judged = score.judged

    def joined(key: str, line: Line) -> str:
        return " + ".join(line.found[key]) or said(line)

    yield "Outcome", confusion(judged, _damaged, lambda line: line.found["outcome"])
    yield "Owner", confusion(judged, lambda line: line.found["truth_owner"], said)
    yield (
        "Owner by the naive rule",
        confusion(judged, lambda line: line.found["truth_owner"], lambda line: line.found["naive_owner"]),
    )
    yield "Hop", confusion(judged, lambda line: line.found["truth_hop"], lambda line: joined("hops", line))
    yield "Reason", confusion(judged, lambda line: line.found["truth_reason"], lambda line: joined("reasons", line))
    yield "Harness faults", confusion(score.sabotaged, lambda line: line.sabotage, said)


def _damaged(line: Line) -> str:
    return "PASS" if line.found["truth_owner"] == "NONE" else "FAIL"


def _matrix(table: Table) -> Iterator[str]:
    rows, columns = (sorted({key[i] for key in table}) for i in (0, 1))
    yield f"| right \\ said | {' | '.join(columns)} |"
    yield f"| --- |{' --- |' * len(columns)}"
    for row in rows:
        yield f"| {row} | {' | '.join(str(table.get((row, column), 0) or '') for column in columns)} |"


def _listed(table: Table) -> Iterator[str]:
    """Yield a matrix too wide for a page, row by row, what was right first."""
    yield "| right | runs | said |"
    yield "| --- | --- | --- |"
    for row in sorted({right for right, _ in table}):
        said_here = sorted(((count, seen) for (right, seen), count in table.items() if right == row), reverse=True)
        words = " · ".join(f"{seen} {count}" for count, seen in said_here)
        yield f"| {row} | {sum(count for count, _ in said_here)} | {words} |"


def _mistakes(judged: Sequence[Line]) -> Iterator[str]:
    wrong = [line for line in judged if not (line.found["right_owner"] and line.found["right_reason"])]
    if not wrong:
        yield "None."
        return
    yield "| run | right | said | because |"
    yield "| --- | --- | --- | --- |"
    for line in wrong:
        found = line.found
        right = f"{found['truth_owner']} {found['truth_reason']}"
        mark = " **(blame)**" if wrong_blame(line) else ""
        answer = f"{said(line)} {' + '.join(found['reasons'])}{mark}"
        yield f"| {line.cell} | {right} | {answer} | {found['contradiction'] or '; '.join(found['why'])[:160]} |"
