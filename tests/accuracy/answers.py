"""What the judge answered, read off its verdict: the words a user gets, and nothing recomputed.

A run asks for one thing, `missing_audio: "< 1 %"` of its media, so a PASS says that there is nothing to blame.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.analysis.values import Cause, FlowVerdict, Outcome, RunVerdict

VOID, UNKNOWN, NONE, BOTH = "VOID", "UNKNOWN", "NONE", "BOTH"
NOBODY = ("UNDECIDED", NONE)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Outcome and owner of a run; hop and reason of its costliest cause on each side that is blamed.

    `owner` is VOID or UNKNOWN where nobody is named. `points` is the damage per owner in percent of the media.
    """

    outcome: str
    owner: str
    hops: tuple[str, ...]
    reasons: tuple[str, ...]
    points: dict[str, float]
    unexplained: float
    made: float
    why: tuple[str, ...]


def answer(verdict: RunVerdict) -> Answer:
    """Return what `verdict` says of its only flow; a run without one answers by its outcome alone."""
    flow = verdict.flows[0] if len(verdict.flows) == 1 else None
    owner = _owner(verdict)
    causes = _blamed(flow, owner) if flow else ()
    return Answer(
        outcome=verdict.outcome.value,
        owner=owner,
        hops=tuple(cause.hop for cause in causes) if owner != NONE else ("none",),
        reasons=tuple(cause.reason for cause in causes) if owner != NONE else ("none",),
        points={who.value: round(100 * share, 2) for who, share in flow.damage.items()} if flow else {},
        unexplained=(flow.frames.unexplained or 0.0) if flow else 0.0,
        made=(flow.frames.made or 0.0) if flow else 0.0,
        why=verdict.void or verdict.reasons,
    )


def _owner(verdict: RunVerdict) -> str:
    match verdict.outcome:
        case Outcome.VOID:
            return VOID
        case Outcome.PASS:
            return NONE
        case Outcome.FAIL if verdict.owner.value not in NOBODY:
            return verdict.owner.value
        case _:
            return UNKNOWN


def _blamed(flow: FlowVerdict, owner: str) -> tuple[Cause, ...]:
    """Return the costliest cause of the owner, or for BOTH of the network and of the code."""
    if owner != BOTH:
        mine = [cause for cause in flow.causes if cause.owner.value == owner]
        return tuple(mine[:1])
    sides = [[cause for cause in flow.causes if cause.owner.value.startswith(side)] for side in ("NETWORK/", "CODE/")]
    return tuple(side[0] for side in sides if side)
