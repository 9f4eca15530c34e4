"""Where a scenario breaks, as words and as JSON: an interval of levels, how sure it is, and which runs say so.

Law: never a single level; what was not found out, and why, is said in the same place. Nothing is sure of an interval
that leaves nothing out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from lab.analysis.several.limit_search import ALPHA, Answer, Look, Stop
from lab.report.amounts import many
from lab.report.table import Table
from lab.scenario.sweeping import Setting, spelled

FORMAT = 1
_SURE = f"{1 - ALPHA:.0%}".replace("%", " %")
_NOBODY = "\N{EN DASH}"
_WHY = {
    Stop.FOUND: "",
    Stop.MIXED: "in between, runs come out either way or say neither: longer media would narrow it",
    Stop.DISORDER: "milder levels break and harsher ones hold; is the range written MILD..HARSH?",
    None: "not finished: the interval holds, and lab sweep --resume narrows it",
}


@dataclass(frozen=True, kw_only=True)
class LimitRun:
    """One run of a search: its level, what it said, how it ended, whom it blames, and where it is."""

    level: str
    repetition: int
    answer: Answer
    outcome: str
    owner: str
    folder: str


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a search found: `look` speaks of positions among `levels`, from the mild end of `key` to the harsh one.

    `setting` is what the other axes were; `void` attempts said nothing, `controls` say how clean ones ended. It takes
    `at_most` so many runs, of which `ended` have said something, or were tried too often in vain; where none counts,
    `vain` is why the last one does not.
    """

    key: str
    setting: Setting
    levels: tuple[str, ...]
    look: Look
    runs: tuple[LimitRun, ...]
    void: int
    at_most: int
    ended: int
    controls: tuple[str, ...]
    vain: str = ""

    @property
    def is_used_up(self) -> bool:
        """Whether none of its `at_most` runs is to be made any more."""
        return self.ended >= self.at_most

    @property
    def holds(self) -> str | None:
        """The harshest level that is known to hold, None when not even the mildest is."""
        bracket = self.look.bracket
        return self.levels[bracket.first - 1] if bracket and bracket.first else None

    @property
    def breaks(self) -> str | None:
        """The mildest level that is known to break, None when not even the harshest is."""
        bracket = self.look.bracket
        return self.levels[bracket.last] if bracket and bracket.last < len(self.levels) else None

    @property
    def confidence(self) -> float | None:
        """How sure it is of what it says, None where nothing is excluded."""
        all_open = self.look.bracket is not None and self.holds is None and self.breaks is None
        return None if all_open else 1 - ALPHA

    @property
    def is_known(self) -> bool:
        """Whether the search ended by itself, with an interval that leaves something out."""
        return self.look.stop in (Stop.FOUND, Stop.MIXED) and (self.holds is not None or self.breaks is not None)


def sentence(limit: Limit) -> str:
    """Return the interval in words."""
    if not limit.runs:
        return "nothing was measured"
    if limit.look.bracket is None:
        return "no limit"
    match limit.holds, limit.breaks:
        case None, None:
            return f"unknown: anywhere from {limit.levels[0]} to {limit.levels[-1]}, or beyond"
        case None, breaks:
            where = ", the mildest level" if breaks == limit.levels[0] else " at the latest"
            return f"breaks at {breaks}{where}"
        case holds, None:
            where = ", the harshest level" if holds == limit.levels[-1] else " at the least"
            return f"holds up to {holds}{where}"
        case holds, breaks:
            return f"holds at {holds}, breaks at {breaks}"


def words(limits: Sequence[Limit], sweep: str, expected: Sequence[str]) -> Iterator[Table]:
    """Yield a table per limit; `expected` are the scenario's expectations, of which one fails where it breaks."""
    for limit in limits:
        setting = f"   {spelled(limit.setting)}" if limit.setting else ""
        yield Table(
            title=f"limit of {limit.key}{setting}   {sweep}",
            heads=("level", "held", "broke", "neither", "owners"),
            rows=tuple(_row(limit, level) for level in _tried(limit)),
            notes=tuple(_notes(limit, expected)),
            right=frozenset(("held", "broke", "neither")),
        )


def _tried(limit: Limit) -> tuple[str, ...]:
    tried = {run.level for run in limit.runs}
    return tuple(level for level in limit.levels if level in tried)


def _row(limit: Limit, level: str) -> tuple[str, ...]:
    runs = [run for run in limit.runs if run.level == level]
    said = Counter(run.answer for run in runs)
    owners = sorted({run.owner for run in runs if run.answer == Answer.BREAKS})
    counts = (str(said[answer]) for answer in (Answer.HOLDS, Answer.BREAKS, Answer.NEITHER))
    return (level, *counts, " ".join(owners) or _NOBODY)


def _notes(limit: Limit, expected: Sequence[str]) -> Iterator[str]:
    yield _known(limit)
    yield from [f"the last run: {limit.vain}"] if limit.vain else []
    yield from _ended(limit)
    mild, harsh = limit.levels[0], limit.levels[-1]
    if limit.look.stop == Stop.FOUND and (limit.breaks == mild or limit.holds == harsh):
        yield f"if {mild} is harsher than {harsh}, write the range the other way round"
    yield f"breaks: a run fails in one of {', '.join(expected)}"
    if failed := [outcome for outcome in limit.controls if outcome != "PASS"]:
        yield f"{len(failed)} of {len(limit.controls)} clean controls did not pass: the limit may not be the network's"


def _known(limit: Limit) -> str:
    """Return the interval, how sure it is, and of how many runs."""
    sure = [f"{_SURE} sure"] if limit.confidence else []
    runs = [many(len(limit.runs), "run")] if limit.runs else []
    void = [f"{limit.void} void"] if limit.void else []
    made = ", ".join((*sure, *runs, *void))
    return f"{sentence(limit)}   ({made})" if made else sentence(limit)


def _ended(limit: Limit) -> Iterator[str]:
    """Yield why it is no narrower, and what to do about it."""
    if limit.look.stop is None and limit.is_used_up:
        more = "; a new search with a greater --repeat narrows it" if limit.runs else ", and none of them counts"
        yield f"its {limit.at_most} runs are used up{more}"
    elif limit.look.stop is None and limit.confidence is None:
        yield "not finished: lab sweep --resume goes on"
    elif why := _WHY[limit.look.stop]:
        yield why


HEADS = ("setting", "level", "held", "broke", "neither", "owners", "holds", "breaks", "stop")


def lines(limits: Sequence[Limit]) -> Iterator[tuple[str, ...]]:
    """Yield a line per level that was tried, below `HEADS`, for a spreadsheet; one without a level where none was."""
    for limit in limits:
        stop = limit.look.stop.value if limit.look.stop else ""
        for level in _tried(limit) or ("",):
            yield spelled(limit.setting), *_row(limit, level), limit.holds or "", limit.breaks or "", stop


def dumps(limits: Sequence[Limit], sweep: str, scenario: str) -> str:
    """Return the limits as JSON, each a mapping; an end that is not known is null."""
    found = {"format": FORMAT, "sweep": sweep, "scenario": scenario, "limits": [_plain(limit) for limit in limits]}
    return json.dumps(found, indent=1) + "\n"


def _plain(limit: Limit) -> dict[str, object]:
    return {
        "key": limit.key,
        "setting": dict(limit.setting),
        "levels": limit.levels,
        "confidence": limit.confidence,
        "holds": limit.holds,
        "breaks": limit.breaks,
        "stop": limit.look.stop.value if limit.look.stop else None,
        "at_most": limit.at_most,
        "void": limit.void,
        "controls": limit.controls,
        "runs": [{**asdict(run), "answer": run.answer.value} for run in limit.runs],
    }
