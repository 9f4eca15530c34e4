"""From damage and expectations to an outcome and an owner.

Law: the owner of a failure is the smallest set of owners whose damage, taken away, makes every failed expectation hold;
of a pass, whoever cost 0.2 points or more. What is undecided is laid at each door it might belong to: if that changes
the answer, the answer is UNKNOWN. A proven failure goes before what is unknown, among flows as among runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from lab.analysis.measures.expectations import FAILED, MET, UNKNOWN, check, holds, never_heard
from lab.analysis.measures.measures import NETWORK, Measures, Owners
from lab.analysis.values import Cause, Checked, FlowVerdict, Outcome, Owner, RunVerdict
from lab.errors import LabError
from lab.scenario.expectations import ANSWERS, DEFAULT, PUNCTUAL, expectations
from lab.scenario.model import Expectation

NOTE_SHARE = 0.002
"""A pass names owners from 0.2 points on."""
_SUSPECTS = (Owner.UPLINK, Owner.SERVER)
"""Undecided damage is either a network's or code's; which one of a kind never changes an outcome."""
_ORDER = tuple(Outcome)
CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.UNKNOWN: 3, Outcome.VOID: 3}
_OUTCOMES = {MET: Outcome.PASS, FAILED: Outcome.FAIL, UNKNOWN: Outcome.UNKNOWN}
_PRECEDENCE = (LabError.exit_code, 4, 1, 3, 6, 0)
"""Of several runs the first of these counts: nobody knows what a machine or a disk that failed has hidden."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one flow's expectations come to."""

    outcome: Outcome
    owner: Owner
    checked: tuple[Checked, ...]
    reasons: tuple[str, ...]


def answer(measures: Measures, expected: Sequence[Expectation], causes: Sequence[Cause] = ()) -> Answer:
    """Answer `expected`; `verdict` and `reason` are about the answer to the others, or to the default ones.

    The default ones say nothing about delay, but where it is the reason that is expected. `causes` are the flow's, the
    costliest first.
    """
    asked = [one for one in expected if one.metric not in ANSWERS]
    wanted = [one for one in expected if one.metric in ANSWERS]
    slow = any("latency" in one.reasons for one in wanted)
    plain = _undecided(measures, asked or list(expectations(DEFAULT | PUNCTUAL if slow else DEFAULT)))
    return _fulfilled(plain, wanted, causes, alone=not asked) if wanted else plain


def worst(flows: Iterable[FlowVerdict]) -> FlowVerdict | None:
    """Return the flow whose outcome is worst, of those the one with the most damage; None of none."""
    ranked = sorted(flows, key=lambda flow: (_ORDER.index(flow.outcome), sum(flow.damage.values())))
    return ranked[-1] if ranked else None


def exit_code(runs: Iterable[RunVerdict], faults: Iterable[int] = ()) -> int:
    """Return the exit code that `runs`, and the exit codes of runs that came to no verdict, add up to.

    A fault that no run can end with, such as 2 of what was started all the same, is an internal error. Nothing is 0.
    """
    codes = {*(CODES[run.outcome] for run in runs), *faults}
    known = {code if code in _PRECEDENCE else LabError.exit_code for code in codes}
    return min(known, key=_PRECEDENCE.index, default=0)


def spoken(damage: Mapping[Owner, float]) -> str:
    """Return the damage per owner in points, the largest first."""
    return " · ".join(f"{owner} {100 * damage[owner]:.1f} points" for owner in _costliest(damage, damage))


def _undecided(measures: Measures, asked: Sequence[Expectation]) -> Answer:
    known = measures.loss.by_owner()
    if Owner.UNDECIDED not in known:
        return _plain(measures, asked, known)
    answers = [_plain(measures.assigned(suspect), asked, known) for suspect in _SUSPECTS]
    if len({(one.outcome, one.owner) for one in answers}) == 1:
        return answers[0]
    share = known[Owner.UNDECIDED]
    reason = f"{100 * share:.1f} points are undecided, and it matters whose they are"
    checked = check(measures, asked)
    return Answer(outcome=Outcome.UNKNOWN, owner=Owner.UNDECIDED, checked=checked, reasons=(reason,))


def _plain(measures: Measures, asked: Sequence[Expectation], known: Mapping[Owner, float]) -> Answer:
    """Answer `asked`; `known` is the damage per owner as it is told, whoever is suspected of what is undecided."""
    checked = check(measures, asked)
    results = {one.result for one in checked}
    damage = measures.loss.by_owner()
    said = (spoken(known),) if known else ()
    if FAILED in results:
        failed = [one for one, seen in zip(asked, checked, strict=True) if seen.result == FAILED]
        owner, why = _to_blame(measures, failed)
        return Answer(outcome=Outcome.FAIL, owner=owner, checked=checked, reasons=(*why, *said))
    noted = [owner for owner in _costliest(damage, damage) if damage[owner] >= NOTE_SHARE]
    outcome = Outcome.UNKNOWN if UNKNOWN in results else Outcome.PASS
    why = tuple(f"{one.metric} {one.limit}: {one.note}" for one in checked if one.result == UNKNOWN)
    return Answer(outcome=outcome, owner=_together(noted), checked=checked, reasons=(*why, *said))


def _to_blame(measures: Measures, failed: Sequence[Expectation]) -> tuple[Owner, tuple[str, ...]]:
    """Return the smallest set of owners without whose damage all of `failed` would hold, the costliest of its size."""
    damage = measures.loss.by_owner()
    suspects = set(damage) | measures.slowing | {owner for owner in measures.hop_owner.values() if owner in NETWORK}
    ranked = _costliest(suspects, damage)
    for size in range(1, len(ranked) + 1):
        for some in combinations(ranked, size):
            if all(holds(measures, one, frozenset(some)) for one in failed):
                return _together(some), (_without(frozenset(some)),)
    names = ", ".join(dict.fromkeys(one.metric for one in failed))
    return Owner.UNDECIDED, (f"no owner's damage, taken away, would make {names} hold",)


def _costliest(owners: Iterable[Owner], damage: Mapping[Owner, float]) -> list[Owner]:
    return sorted(owners, key=lambda owner: (-damage.get(owner, 0.0), owner))


def _without(owners: Owners) -> str:
    return f"without the damage of {' and '.join(sorted(owners))} it would hold"


def _together(owners: Sequence[Owner]) -> Owner:
    """Name several, the costliest first: network and code are BOTH, several of a kind go by the costliest."""
    if not owners:
        return Owner.NONE
    return owners[0] if len({owner in NETWORK for owner in owners}) == 1 else Owner.BOTH


def reasons_of(owner: Owner, causes: Sequence[Cause]) -> tuple[str, ...]:
    """Return the reason of the costliest of `causes` (sorted so) of `owner`, of each owner where it is BOTH."""
    named = [cause for cause in causes if cause.owner == owner or (owner == Owner.BOTH and cause.share >= NOTE_SHARE)]
    first = {cause.owner: cause.reason for cause in reversed(named)}
    found = tuple(dict.fromkeys(first[each] for each in dict.fromkeys(cause.owner for cause in named)))
    return found or (("none",) if owner == Owner.NONE else ())


def _fulfilled(plain: Answer, wanted: Sequence[Expectation], causes: Sequence[Cause], *, alone: bool) -> Answer:
    """Turn an answer into whether it is the expected one. `alone`: the default ones were just a means to find it."""
    decided = plain.outcome != Outcome.UNKNOWN
    lines = tuple(_expected(plain.owner, causes, one, decided=decided) for one in wanted)
    outcomes = [_OUTCOMES[line.result] for line in lines] + ([] if alone else [plain.outcome])
    checked = lines if alone else (*plain.checked, *lines)
    return replace(plain, outcome=max(outcomes, key=_ORDER.index), checked=checked)


def _expected(owner: Owner, causes: Sequence[Cause], wanted: Expectation, *, decided: bool) -> Checked:
    """Check an expected owner or reason; one that was only noted while the answer is unknown is no answer."""
    about_owner = wanted.metric == "verdict"
    right = wanted.owners if about_owner else wanted.reasons
    found = (owner.value,) if about_owner else reasons_of(owner, causes)
    result = (MET if set(found) & set(right) else FAILED) if decided and found else UNKNOWN
    return Checked(
        metric=wanted.metric,
        limit="== " + " | ".join(right),
        value=" | ".join(found) or None,
        interval=None,
        result=result,
        note="" if found else f"nothing tells why it is {owner}",
    )


def unmeasured(
    owner: Owner, expected: Sequence[Expectation], causes: Sequence[Cause] = (), media_ms: float | None = None
) -> Answer:
    """Answer `expected` for a flow of which nothing could be measured but, maybe, whose fault that is, and why.

    `media_ms`: there never was media, where there should have been so much.
    """
    decided = owner != Owner.UNDECIDED
    lines = tuple(
        _expected(owner, causes, one, decided=decided) if one.metric in ANSWERS else never_heard(one, media_ms)
        for one in expected
    )
    results = {line.result for line in lines}
    as_told = any(line.result == MET for line in lines)
    failed = FAILED in results or (decided and not as_told)
    outcome = Outcome.FAIL if failed else Outcome.UNKNOWN if UNKNOWN in results or not decided else Outcome.PASS
    return Answer(outcome=outcome, owner=owner, checked=lines, reasons=())
