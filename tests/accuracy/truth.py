"""What is right: whose the damage is, by what was really put in. Less than one point is nobody's.

Law: a fault counts as damage when its lower bound is a point or more, and as none when its upper bound is less. In
between the log does not tell, and both answers are right; the score says of how many runs that is so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from tests.accuracy.answers import BOTH, NONE, Answer
from tests.accuracy.effects import Effect
from tests.accuracy.fault import Fault

POINT = 0.01


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What may be answered: sets of faults that are damage; one set where the log tells them all apart."""

    labels: tuple[tuple[Fault, ...], ...]
    effects: tuple[Effect, ...]

    @property
    def sure(self) -> bool:
        """Whether there is one right answer."""
        return len(self.labels) == 1

    @property
    def owner(self) -> str:
        """The right owner, the one of the largest damage that can be meant."""
        return _owners(self.labels[-1])[0]

    @property
    def hop(self) -> str:
        """The right hop, of both sides where both are to blame."""
        return " + ".join(fault.hops[0] for fault in self.labels[-1]) or "none"

    @property
    def reason(self) -> str:
        """The right reason, of both sides where both are to blame."""
        return " + ".join(fault.reasons[0] for fault in self.labels[-1]) or "none"

    def has_owner(self, answer: Answer) -> bool:
        """Say whether the right one is blamed."""
        return any(answer.owner in _owners(label) for label in self.labels)

    def allows(self, owner: str) -> bool:
        """Say whether the bare word of another rule is right; its CODE stands for any code."""
        owners = {each for label in self.labels for each in _owners(label)}
        return owner in owners or (owner == "CODE" and any(each.startswith("CODE/") for each in owners))

    def has_hop(self, answer: Answer) -> bool:
        """Say whether the right one is blamed, and at the right hop."""
        return self._has(answer, answer.hops, [[fault.hops for fault in label] for label in self.labels])

    def has_reason(self, answer: Answer) -> bool:
        """Say whether the right one is blamed, and for the right reason."""
        return self._has(answer, answer.reasons, [[fault.reasons for fault in label] for label in self.labels])

    def _has(self, answer: Answer, said: Sequence[str], right: Sequence[Sequence[tuple[str, ...]]]) -> bool:
        return any(
            answer.owner in _owners(label) and _match(said, wanted)
            for label, wanted in zip(self.labels, right, strict=True)
        )


def truth(found: Iterable[tuple[Fault, Effect]]) -> Truth:
    """Return what is right of a run into which each fault was put, with its effect."""
    pairs = tuple(found)
    labels = dict.fromkeys(
        tuple(fault for (fault, _), damages in zip(pairs, choice, strict=True) if damages)
        for choice in product(*(_possible(effect) for _, effect in pairs))
    )
    return Truth(labels=tuple(labels), effects=tuple(effect for _, effect in pairs))


def _possible(effect: Effect) -> Iterator[bool]:
    if effect.low < POINT:
        yield False
    if effect.high >= POINT:
        yield True


def _owners(label: Sequence[Fault]) -> tuple[str, ...]:
    if not label:
        return (NONE,)
    return (BOTH,) if len({fault.network for fault in label}) == 2 else label[0].owners


def _match(said: Sequence[str], wanted: Sequence[tuple[str, ...]]) -> bool:
    """Say whether each wanted place has one of its words said, and nothing else was said."""
    if not wanted:
        return set(said) == {"none"}
    return len(said) == len(wanted) and all(word in words for word, words in zip(said, wanted, strict=True))
