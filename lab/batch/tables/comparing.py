"""`lab compare`: the first side against each of the others.

Law: what is compared is the one thing in which the sides differ. Where more differs, nothing is compared, and all of it
is named; what the user allows to differ beside it is said with the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab.analysis.several.compared import Alone, Comparison, Differing, Pair, Place
from lab.analysis.several.comparison import (
    changes,
    corrected,
    flows,
    regressions,
    rows,
    uncounted,
    undecided,
    unheard,
)
from lab.analysis.verdicts.verdict import exit_code
from lab.batch.tables.conditions import above, conditions, differing
from lab.batch.tables.results import metrics_named
from lab.batch.tables.sides import Lost, Member, Side, side, split
from lab.errors import UsageError
from lab.report.verdicts import Told
from lab.scenario.sweeping import Setting, spelled
from lab.scenario.tree import nearest

DEFAULT_METRICS = ("audio_loss", "code_loss", "network_loss", "concealed", "longest_gap", "delay_p95")
_AROUND = ("machine", "netem", "lab")
"""Things that no axis of a sweep varies; images but those of server and client are such too."""
_FAILED, _NO_VERDICT = 1, 3
_FEW = 3


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asks for; `by` splits the one sweep that is named by an axis."""

    sides: tuple[str, ...]
    results: Path
    metrics: tuple[str, ...] = DEFAULT_METRICS
    by: str | None = None
    allow: tuple[str, ...] = ()


def compare(asked: Asked) -> tuple[Comparison, ...]:
    """Return the first side against each other one. UsageError for what cannot be compared, EvidenceError."""
    metrics, sides = metrics_named(asked.metrics), _sides(asked)
    first, *others = sides
    couples = [(first, other, _paired(first, other)) for other in others]
    found = [_differing(pairs) for _, _, pairs in couples]
    _check_known(asked.allow, [pair for _, _, pairs in couples for pair in pairs], found)
    for (one, other, _), different in zip(couples, found, strict=True):
        _admit(one.name, other.name, different, asked)
    judged = [[_pair(*pair) for pair in pairs] for _, _, pairs in couples]
    tables = corrected([rows(pairs, metrics) for pairs in judged])
    return tuple(
        replace(
            _about(one, other, pairs, different, asked.allow),
            changes=changes(told),
            rows=table,
            unheard=unheard(told),
            regressions=regressions(told, table),
            undecided=(*uncounted(_places(one.members), _places(other.lost)), *undecided(told, table)),
        )
        for (one, other, pairs), different, told, table in zip(couples, found, judged, tables, strict=True)
    )


def code(comparisons: Iterable[Comparison], *, strict: bool) -> int:
    """Return the exit code: with `strict` 1 for a regression, else 3 for what nothing is known of, or no longer.

    3 in any case when there is nothing to compare.
    """
    found = list(comparisons)
    worse = [_FAILED for one in found if strict and one.regressions]
    missing = [_NO_VERDICT for one in found if not one.pairs or (strict and _is_open(one))]
    return exit_code((), [*worse, *missing])


def _is_open(one: Comparison) -> bool:
    """Whether the second side may be worse where nothing tells."""
    return bool(one.uncompared or one.unheard or one.undecided)


def _sides(asked: Asked) -> tuple[Side, ...]:
    if asked.by is None:
        found = tuple(side(text, asked.results) for text in asked.sides)
    elif len(asked.sides) == 1:
        found = split(asked.sides[0], asked.by, asked.results)
    else:
        raise UsageError(f"--by {asked.by} splits one sweep", fix="name one sweep, or leave --by out")
    if len(found) < 2:
        raise UsageError(f"{found[0].name} has nothing to be compared with", fix="name two, or split a sweep: --by KEY")
    return found


_Couple = tuple[Member, Member]


def _paired(first: Side, second: Side) -> list[_Couple]:
    """Return the runs with the same place on both sides. UsageError for no such place, and for a run on both sides."""
    one, other = _settings(first), _settings(second)
    if one and other and not set(one) & set(other):
        settings = f"{_all(one)} there, {_all(other)} here"
        raise UsageError(
            f"{first.name} and {second.name} have no setting in common: {settings}", fix="compare like with like"
        )
    _check_apart(first, second)
    partners = {member.place: member for member in second.members}
    return [(member, partners[member.place]) for member in first.members if member.place in partners]


def _check_apart(first: Side, second: Side) -> None:
    """Refuse sides that share a run, or a copy of it: no difference would mean nothing. UsageError."""
    there = {member.identity: member.folder for member in second.members}
    for member in first.members:
        if twin := there.get(member.identity):
            raise UsageError(
                f"{first.name} and {second.name} have the same run {member.told.run} ({member.folder}, {twin})",
                fix="name another run, sweep or folder",
            )


def _settings(one: Side) -> list[Setting]:
    """Return the settings that a side has, whether a run of them counts or not, clean controls aside."""
    places = [*(member.place for member in one.members), *(lost.place for lost in one.lost)]
    return list(dict.fromkeys(place.setting for place in places if not place.control))


def _all(found: Sequence[Setting]) -> str:
    return _few([spelled(setting) or "none" for setting in found])


def _few(names: Sequence[str]) -> str:
    """Return the first ones of `names`, and how many there are beside."""
    return ", ".join(names[:_FEW]) + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")


def _places(found: Iterable[Member | Lost]) -> tuple[Place, ...]:
    return tuple(one.place for one in found)


def _pair(first: Member, second: Member) -> Pair:
    return Pair(place=first.place, first=first.told, second=second.told)


def _differing(pairs: Sequence[_Couple]) -> tuple[Differing, ...]:
    """Return what differs in any pair, as the first pair in which it does has it."""
    found: dict[tuple[str, str], Differing] = {}
    for one, other in pairs:
        for each in differing(conditions(one.folder), conditions(other.folder)):
            found.setdefault((each.thing, each.detail), each)
    return tuple(found.values())


def _check_known(allow: Sequence[str], pairs: Sequence[_Couple], found: Sequence[Sequence[Differing]]) -> None:
    """Refuse an --allow of something that no run tells of; what it may be about is what differs. UsageError."""
    members = dict.fromkeys(member.folder for pair in pairs for member in pair) if allow else {}
    known = {key for folder in members for one in conditions(folder) for key in above(one.thing)}
    for name in allow if known else ():
        if name not in known:
            close = nearest(name, known)
            fix = f"did you mean {close}?" if close else _what_differs(found)
            raise UsageError(f"--allow {name}: nothing of that name", fix=fix)


def _what_differs(found: Sequence[Sequence[Differing]]) -> str:
    things = list(dict.fromkeys(one.thing for different in found for one in different))
    return f"what differs is {_few(things)}" if things else "nothing differs: leave it out"


def _allowed(one: Differing, allow: Sequence[str]) -> bool:
    return bool(set(above(one.thing)) & set(allow))


def _admit(first: str, second: str, found: Sequence[Differing], asked: Asked) -> None:
    """Refuse sides that differ in more than one thing, beside those that are allowed to. UsageError."""
    things = [*dict.fromkeys(one.thing for one in found if not _allowed(one, asked.allow))]
    if asked.by is not None:
        things = [asked.by, *(thing for thing in things if _around(thing))]  # whatever else differs, the axis did
    if len(things) < 2:
        return
    named = "\n".join(f"  {_spelled([one for one in found if one.thing == thing]) or thing}" for thing in things)
    raise UsageError(
        f"{first} and {second} differ in {len(things)} things, and nobody could tell which one it was:\n{named}\n",
        fix=f"compare what differs in one of them, or say that the others may differ, such as --allow {things[-1]}",
    )


def _around(thing: str) -> bool:
    return thing in _AROUND or thing.startswith("images.")


def _spelled(found: Sequence[Differing]) -> str:
    """Return what differs in one thing."""
    parts = (f"{f'{one.detail} ' * bool(one.detail)}{one.first or 'none'} → {one.second or 'none'}" for one in found)
    return f"{found[0].thing}: {'; '.join(parts)}" if found else ""


def _about(
    first: Side, second: Side, pairs: Sequence[_Couple], found: Sequence[Differing], allow: Sequence[str]
) -> Comparison:
    return Comparison(
        first=first.name,
        second=second.name,
        compared=tuple(one for one in found if not _allowed(one, allow)),
        allowed=tuple(one for one in found if _allowed(one, allow)),
        pairs=len(pairs),
        alone=_alone(first, second),
        uncompared=_uncompared(first, second, pairs),
        changes=(),
        rows=(),
    )


def _alone(first: Side, second: Side) -> tuple[Alone, ...]:
    """Return every run, cell and flow that was not compared, once."""
    found = [Alone(side=one.name, what=lost.what, why=lost.why) for one in (first, second) for lost in one.lost]
    for one, other in ((first, second), (second, first)):
        there = {member.place for member in other.members} | {lost.place for lost in other.lost}
        here = [str(member.place) for member in one.members if member.place not in there]
        theirs = flows(_runs(other))
        here += [f"flow {' → '.join(flow)}" for flow in flows(_runs(one)) if theirs and flow not in theirs]
        found += [Alone(side=one.name, what=what, why=f"{other.name} has none") for what in here]
    return tuple(found)


def _runs(one: Side) -> list[Told]:
    return [member.told for member in one.members]


def _uncompared(first: Side, second: Side, pairs: Sequence[_Couple]) -> tuple[Setting, ...]:
    """Return the settings of either side, clean controls aside, that have no pair."""
    done = {one.place.setting for one, _ in pairs if not one.place.control}
    return tuple(dict.fromkeys(each for each in (*_settings(first), *_settings(second)) if each not in done))
